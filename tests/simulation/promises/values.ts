import {
  activeUntil,
  type CallStory,
  failedToAnswer,
  type FetchStory,
  isPlain,
  isRefresh,
  isToldLate,
  type Judge,
  overAt,
  type Scene,
  slowAt,
  type Story,
  valueOf,
} from "../story.ts";

/** 8 and 10. A fetched value reaches all who wait for it, and nobody gets what nobody fetched or set. */
export const values: Judge = (story, broken) => {
  for (const call of story.calls) {
    const { ended } = call;
    if (ended?.ending.type === "value") isHonest(story, call, broken);
    if (ended?.ending.type === "died") {
      broken(`call ${call.call} died: ${ended.ending.cause}`, ended);
    }
  }
  for (const scene of story.scenes) {
    if (isPlain(story, scene) && story.backend.fenced) takesWhatItReads(story, scene, broken);
    for (const fetch of scene.fetches) {
      if (valueOf(fetch) !== undefined) reachesAll(story, scene, fetch, broken);
    }
  }
};

/** Who reads an entry is content with it, whatever its value. */
function takesWhatItReads(
  story: Story,
  { operations, calls }: Scene,
  broken: Parameters<Judge>[1],
): void {
  operations.forEach(({ question, asked }, index) => {
    const before = operations[index - 1];
    if (question.operation !== "acquire" || question.waitedFor !== undefined) return;
    if (before?.question.operation !== "get") return;
    // Who read it may have left meanwhile, and have taken it along.
    const left = calls.some((call) => (call.left?.at ?? -1) >= before.asked.at);
    const read = before.answered?.answer.is === "entry" && !failedToAnswer(story, before);
    if (read && !left) {
      broken("a lease was asked for behind an entry that had been read", asked);
    }
  });
}

/** The value is one of the key's, and the outcome says how it came. */
function isHonest(story: Story, call: CallStory, broken: Parameters<Judge>[1]): void {
  const { key, process, fetches: [own], ended } = call;
  const { value, cache } = ended!.ending as { readonly value: unknown; readonly cache: string };
  const scene = story.sceneOf(call);
  const is = (other: { readonly value: unknown } | undefined) =>
    other !== undefined && Object.is(other.value, value);
  const sources = story.fetches.filter((fetch) => fetch.call.key === key && is(valueOf(fetch)));
  const set = story.changes.some((change) => change.key === key && is(change));
  const here = sources.filter((fetch) => fetch.call.process === process);
  const isOwn = own !== undefined && own.lease !== undefined && is(valueOf(own));
  const stored = scene.operations.some(({ question, answered }) =>
    is({ value, ...question }) &&
    (story.backend.fenced
      ? question.operation === "fill" && answered?.answer.is === "true" &&
        question.owner === own?.lease?.owner
      : question.operation === "set" && answered !== undefined)
  );
  const hasRefreshes = scene.calls.some(({ terms }) => terms.refresh);
  const read = scene.operations.some(({ answered }) =>
    (answered?.answer.is === "Hit" || answered?.answer.is === "entry" ||
      (hasRefreshes && answered?.answer.is === "Leader")) &&
    is({ value, ...answered.answer })
  );
  const stale = scene.operations.some(({ answered }) =>
    answered?.answer.is === "stale" && is({ value, ...answered.answer })
  );
  const honest: Record<string, boolean> = {
    "STALE": stale,
    "STALE-ERROR": stale,
    "HIT": read || story.backend.seen === "some answers" || !story.backend.fenced,
    "MISS-LEADER": isOwn && stored,
    "MISS-LEADER-NOCACHE": isOwn,
    "MISS-FOLLOWER-HIT": read || here.some(({ lease }) => lease !== undefined) ||
      !story.backend.fenced,
    "MISS-FOLLOWER-FALLBACK": here.some(({ lease }) => lease === undefined),
    "BYPASS": here.some(({ lease }) => lease === undefined) &&
      // What many keys ask for together fails for all of them.
      [call, ...story.calls.filter(({ batch }) => batch !== undefined && batch === call.batch)]
        .flatMap((each) => story.sceneOf(each).operations)
        .some((operation) => failedToAnswer(story, operation)),
  };
  if (sources.length === 0 && !set) broken(`call ${call.call} got what nobody made`, ended!);
  else if (!honest[cache]) {
    broken(`call ${call.call} got its value otherwise than by ${cache}`, ended!);
  }
}

/** Who waited for a fetch has its value, whatever became of storing it. */
function reachesAll(
  story: Story,
  scene: Scene,
  fetch: FetchStory,
  broken: Parameters<Judge>[1],
): void {
  const { ended, lease, call } = fetch;
  if (isRefresh(story, fetch)) return;
  const { value } = valueOf(fetch)!;
  const ends = (lease?.operations ?? []).map((operation) => overAt(operation)?.at ?? Infinity);
  const over = Math.max(ended!.at, ...ends);
  const members = lease !== undefined && isPlain(story, scene) ? scene.calls : [call];
  for (const member of members) {
    const until = activeUntil(member);
    const surely = member === call ||
      // Who goes in the same moment may go for another reason.
      (member.began.at + story.instant < ended!.at && (until?.at ?? 0) > ended!.at &&
        member.began.at + member.terms.waitMax > over &&
        !story.paused(member.process, member.began.at, over));
    if (!surely || until === undefined || until.at < ended!.at || until === member.left) continue;
    if (member.ended === undefined || isToldLate(member)) continue;
    // Its time to wait for it was over by then.
    if ((slowAt(member)?.at ?? Infinity) <= ended!.at + story.slack) continue;
    const { ending } = member.ended!;
    if (ending.type === "value" && Object.is(ending.value, value)) continue;
    const ownHook = ending.type === "error" && ending.own && member.hooks.length > 0;
    if (!ownHook) {
      broken(`call ${member.call} lost the value that was fetched for it`, member.ended!);
    }
  }
}
