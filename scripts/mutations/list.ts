/**
 * One way to break the engine: what stands instead of a line of its source. The line ends with `// mutate:` and the
 * mutation's mark, so that it is found wherever it is moved. The change names nothing that the line's author may rename.
 */
export interface Mutation {
  readonly what: string;
  readonly mark: string;
  readonly change: (line: string) => string;
  /** The test that must notice it, without servers; where the simulator has no such line, as those of an adapter. */
  readonly test?: string;
}

const mutation = (
  what: string,
  mark: string,
  change: Mutation["change"],
): Mutation => ({ what, mark, change });

/** One of an adapter's own lines, which the test must notice that plays what is behind them. */
const mutationOf =
  (test: string) => (what: string, mark: string, change: Mutation["change"]): Mutation => ({
    ...mutation(what, mark, change),
    test: `tests/adapters/${test}.test.ts`,
  });

const ofRedis = mutationOf("redis/uncounted");
const ofMongodb = mutationOf("mongodb/changes");

/** Leaves the line out. */
const drop = () => "";

/** Puts something else in place of a part of the line. */
const swap = (part: string | RegExp, instead: string) => (line: string) =>
  line.replace(part, instead);

/** Has the condition of an `if` always hold, or never. */
const always = (line: string) => line.replace(/if \(.*?\)( \{| return| continue)/, "if (true)$1");
const never = (line: string) => line.replace(/if \(.*?\)( \{| return| continue)/, "if (false)$1");

/** The ways in which the engine is broken, each of which the simulator must notice. */
export const mutations: readonly Mutation[] = [
  mutation("no look at the entry after winning", "entry after winning", drop),
  mutation("`null` is a miss", "miss", swap("=== undefined", "?.value == null")),
  mutation(
    "no fence: the value is set",
    "fence",
    swap(
      /"fill", \[[\w.]+, (.*)\], (\w+)\);/,
      '"set" as never, [$1] as never, { ...$2, onSuccess: () => $2.onSuccess(true) });',
    ),
  ),
  mutation("a lease that was lost is filled all the same", "lost", drop),
  mutation("a refused fill counts as stored", "refused", swap(/=> (\w+)\(\w+\)/, "=> $1(true)")),
  mutation(
    "the release is forgotten on interruption",
    "release",
    swap(/(\w+) = (.*);/, '$1 = $2; if ($1 === "cancelled") return complete(flight, ended);'),
  ),
  mutation(
    "the release is forgotten on failure",
    "release",
    swap(/(\w+) = (.*);/, '$1 = $2; if ($1 === "failed") return complete(flight, ended);'),
  ),
  mutation(
    "no release after an acquire without an answer",
    "release without an answer",
    drop,
  ),
  mutation("a lease that a lost look may have won is kept", "release after a lost look", drop),
  mutation(
    "the release doesn't say that nothing was stored",
    "uncached",
    swap('"uncached"', '"cancelled"'),
  ),
  mutation(
    "the release doesn't say that the fetch failed",
    "release",
    swap('"failed"', '"cancelled"'),
  ),
  mutation("no renewal", "renewal", drop),
  mutation("renewal never stops", "renewals", never),
  mutation("renewal goes on after the fetch", "keeper ends", drop),
  mutation("renewal comes too late", "third", swap("/ 3", "* 1.2")),
  mutation(
    "renewal gives up after an error",
    "renewal failed",
    swap(/, \w+\);$/, ", () => {});"),
  ),
  mutation(
    "a renewal without an answer waits for the next third",
    "renewal timed out",
    swap(/ = .*;/, " = false;"),
  ),
  mutation("a lease that was lost is renewed on", "renewed", always),
  mutation(
    "a lease that was lost doesn't retire its flight",
    "lost in the table",
    drop,
  ),
  mutation(
    "flights are not joined",
    "joining",
    swap(/(\w+) \?/, '$1 && arguments[1] !== "leading" ?'),
  ),
  mutation("fallbacks are not shared", "shared fallback", never),
  mutation(
    "a fallback that hangs is waited for without end",
    "fallback until",
    swap(/\w+\.busyUntil!/, "Infinity"),
  ),
  mutation("who is out of time fetches beside its process", "busy", swap(/\w+ > .*;/, "false;")),
  mutation("a bypass fetches beside a fallback", "bypass joins", never),
  mutation("a value is withheld while its fill hangs", "patience", drop),
  mutation(
    "who is out of time fetches though the value is there",
    "known value",
    swap(/\w+ \?\? /, ""),
  ),
  mutation("who joined waits without end", "joined until", swap(/;$/, " + Infinity;")),
  mutation("who follows waits without end", "followed until", swap("< 1", "< -Infinity")),
  mutation("a last look takes as long as it likes", "last look", swap("left()", "Infinity")),
  mutation(
    "a lease that a look won too late is kept",
    "late lease",
    swap("cancel(done)", "done()"),
  ),
  mutation(
    "waiting ends by the wall clock",
    "clock of the wait",
    swap(/\w+Millis\(/, "wallMillis("),
  ),
  mutation("the fallback doesn't wait at all", "wait", always),
  mutation(
    "no look once the watch stands",
    "no push",
    swap(/(\w+) === "none"/, '$1 === "none" || $1 === "opened"'),
  ),
  mutation("a look where the store has no push", "no push", drop),
  mutation(
    "looks wait for the watch",
    "opening",
    swap(/(\S.*),/, "Effect.tap($1, (fiber) => Fiber.await(fiber)),"),
  ),
  mutation("pushes wake nobody", "push", swap(/\w+ === undefined/, "true")),
  mutation(
    "a failed look of a follower is not reported",
    "look reported",
    swap(/return .*;/, "return undefined;"),
  ),
  mutation(
    "one failed look decides",
    "failed look",
    swap(/"Unanswered"(.*)reported: false/, '"Failed"$1scope: "all"'),
  ),
  mutation("no shortest pause between two looks", "shortest pause", swap("10", "1")),
  mutation(
    "looks forget what was waited for",
    "waited for",
    swap(/\w+\?\.lease/, "undefined as never"),
  ),
  mutation("who waited for nothing queues again", "ended", swap('"Uncached"', '"Cancelled"')),
  mutation("a failure elsewhere is not counted", "failure elsewhere", never),
  mutation(
    "a failure elsewhere counts for the first caller only",
    "failure for those who joined",
    drop,
  ),
  mutation("a failure here is not counted", "failure here", swap("--", "")),
  mutation("a failure fails all who waited", "failure here", swap("> 0", "> 1e9")),
  mutation("all who waited have the first caller's error", "own error", always),
  mutation(
    "the cache's failure fails who bypasses it",
    "failed for all",
    swap(/ && !\S+bypass/, ""),
  ),
  mutation(
    "an entry that can't be decoded fails the call",
    "corrupt entry",
    swap(/\w+\.corrupt \|\| /, ""),
  ),
  mutation("who leaves takes all along", "last leaves", swap("<= 0", "< Infinity")),
  mutation("the last to leave leaves the fetch running", "last leaves", drop),
  mutation("who joins a cancelled flight revives it", "cancelled", drop),
  mutation("the signal doesn't fire", "signal", drop),
  mutation(
    "a value that can't be stored is lost",
    "value kept",
    swap(/(\w+)\(.*\);/, 'throw new Error("lost");'),
  ),
  mutation("a fetch begins when all have left", "fetch", drop),
  mutation(
    "a fetch runs for as long as it likes",
    "fetch timeout",
    swap(/(\w+), expire,/, "1e9, expire,"),
  ),
  mutation("a fetch whose time is out ends once more", "late end", drop),
  mutation("no signal tells a fetch that its time is out", "signal of the timeout", drop),
  mutation("a fetch whose time is out runs on", "overdue", drop),
  mutation(
    "a fetch whose time is out has not failed",
    "timed out",
    swap(/\(.*\);/, '({ _tag: "Cancelled" });'),
  ),
  mutation("who left waits for a bypass", "nobody left", drop),
  mutation(
    "a fill that fails is not reported",
    "fill reported",
    swap(/\w+\(.*, \(\) =>/, "queueMicrotask(() =>"),
  ),
  mutation(
    "a refused fill is told to nobody",
    "refusal reported",
    swap(/\w+\(.*, \(\) =>/, "queueMicrotask(() =>"),
  ),
  mutation("operations take as long as they like", "timeout", swap(/, [\w.]+, \(\)/, ", 1e9, ()")),
  mutation(
    "a change leaves what began before in the tables",
    "change",
    swap(/Effect\.sync\(.*\)\),/, "Effect.void),"),
  ),
  mutation(
    "stale: what may be had is never too old",
    "stale if error",
    swap(/< .*Error\b/, "< Infinity"),
  ),
  mutation("stale: the backoff never doubles", "doubling", swap("2 ** ", "0 * ")),
  mutation("stale: failures in a row aren't counted", "failures in a row", swap("before + 1", "1")),
  mutation("stale: who knows of a refresh never asks again", "quiet", swap("<= now", "< 0")),
  mutation(
    "stale: a failed fetch tells no backoff",
    "backoff told",
    swap(/failure === \w+/, "true"),
  ),
  mutation(
    "stale: who may have it waits for a fetch",
    "read beside",
    swap(/= .*;/, "= false;"),
  ),
  mutation("stale: what is stale is a hit", "stale", swap(/isFresh\(\w+\)/, "true")),
  mutation("stale: nobody heeds the backoff", "back off", swap(/, backOff: true/, "")),
  mutation(
    "stale: who has lost a refresh asks again",
    "quiet loser",
    swap(/\w+\.remaining/, "0"),
  ),
  mutation("stale: who may have it takes over", "no takeover", swap(/= .*;/, "= false;")),
  mutation(
    "stale: it is answered beyond its time",
    "stale while revalidate",
    swap(/= .*;/, "= true;"),
  ),
  mutation(
    "stale: nobody here knows of a refresh",
    "quiet beside a refresh",
    swap(/[\w.]+leaseTtl/, "0"),
  ),
  mutation("stale: it isn't kept", "stale time", swap(/, staleFor\b/, "")),
  mutation("stale: a failure hides it", "stale instead", never),
  mutation("stale: who is told to be quiet falls back", "quiet end", swap("Quiet", "FallBack")),
  mutation("stale: nobody refreshes", "refresh", drop),
  mutation("stale: it doesn't age while its caller waits", "staleness", swap(/ \+ .*;/, ";")),
  mutation(
    "stale: a failed fetch hides it",
    "stale after a failed fetch",
    swap(/return .*;/, "return undefined;"),
  ),
  mutation("ahead: who is elected refreshes nothing", "refresh ahead", drop),
  mutation(
    "ahead: everybody is elected",
    "elected",
    swap(/freshFor <= [^;]*;/, "freshFor < Infinity;"),
  ),
  mutation(
    "ahead: an entry is refreshed in its first part, not in its last",
    "elected",
    swap("(1 - refreshAhead)", "refreshAhead"),
  ),
  mutation(
    "ahead: who has lost a refresh asks again",
    "known ahead",
    swap(/if \(.*\) refresh/, "refresh"),
  ),
  mutation("soft: nobody has it", "soft timeout", swap(", left,", ", Infinity,")),
  mutation(
    "soft: it is answered beyond its time",
    "stale after a soft timeout",
    swap(/staleOf\(caller\)/, "caller.stale"),
  ),
  mutation("soft: a slow fetch is interrupted", "slow fetch", drop),
  mutation(
    "soft: who leaves a slow fetch last ends it",
    "slow fetch",
    swap(/ \|\| flight\.waiting === 1/, ""),
  ),
  mutation("soft: who stands for a slow fetch doesn't wait", "stands for it", drop),
  mutation(
    "refresh: others wait for it",
    "read beside a refresh",
    swap(/= .*;/, "= false;"),
  ),
  mutation("refresh: a fresh entry is enough", "fresh below", swap(/, freshBelow/, "")),
  mutation("refresh: who joined has an old hit", "joined a hit", swap(/isOld \?/, "false ?")),
  mutation("refresh: who joined many has an old hit", "joined a read", swap("> 0", "> Infinity")),
  mutation(
    "refresh: after another's it fetches once more",
    "renewed by another",
    swap(/= .*;/, "= false;"),
  ),
  mutation("refresh: an old entry is taken for another's", "old entry", swap(", rest)", ", 0)")),
  mutation(
    "refresh: the lease that told of an entry is kept",
    "lease of a renewed entry",
    drop,
  ),
  mutation("abandoned: it never goes on", "goes on", swap(/= .*;/, "= false;")),
  mutation(
    "abandoned: a failure that nobody waits for isn't told",
    "unheard failure",
    swap(/if \(.*\) return/, "if (true) return"),
  ),
  mutation(
    "stale: who joined a cancelled call reads none",
    "read anew",
    swap("reads &&", "false &&"),
  ),
  mutation("closing: its calls go on", "closed", swap(/return .*;/, "return false;")),
  mutation("closing: no fetch is stopped", "stopped", swap(/else if \(.*?\)/, "else if (false)")),
  mutation("closing: calls under way wait on", "calls under way", drop),
  mutation("closing: calls in the flights of others wait on", "calls elsewhere", drop),
  mutation(
    "closing: it waits for as long as it takes",
    "closed in time",
    swap(/= .*;/, "= () => {};"),
  ),
  mutation("closing: it waits when all has ended", "operations of a client", drop),
  mutation("closing: a deaf fetch is waited for", "stopped at once", swap("(now)", "(false)")),
  mutation("failures: nobody is told", "share a failure", swap(", payload", "")),
  mutation("failures: nobody asks for them", "heed failures", swap(/= .*;/, "= false;")),
  mutation(
    "failures: another's is no error of the caller's type",
    "failure of another",
    swap(/signal\.\w+/, "outOfFailures(caller)"),
  ),
  mutation(
    "failures: they are told for another time",
    "share for a time",
    swap(/: \w+!\.ttl/, ": errorBackoff"),
  ),
  mutation(
    "failures: whoever joined has them",
    "same failures",
    swap(/return .*;/, "return true;"),
  ),
  mutation(
    "dead leaders: nobody is announced",
    "announced",
    swap("announceLater(flight, owner)", "{ cancel() {}, end() {} }"),
  ),
  mutation("dead leaders: all are announced", "announced later", swap("ANNOUNCED_AFTER", "0")),
  mutation(
    "dead leaders: they are announced late",
    "announced later",
    swap("ANNOUNCED_AFTER", "2 * ANNOUNCED_AFTER"),
  ),
  mutation(
    "dead leaders: they are announced for good",
    "announced until the end",
    drop,
  ),
  mutation(
    "dead leaders: they are announced until their fetch has ended",
    "announced while filling",
    swap("cancel()", "unannounced()"),
  ),
  mutation(
    "dead leaders: one that is announced is asked for as any other",
    "watched pause",
    swap("WATCHED_PAUSE : GRACE", "GRACE : GRACE"),
  ),
  mutation(
    "dead leaders: nobody looks until one is announced",
    "watched pause",
    swap("WATCHED_PAUSE : GRACE", "WATCHED_PAUSE : Infinity"),
  ),
  mutation(
    "a fetch of many keys doesn't wait for who looks",
    "look for many keys",
    swap("gather?.look()", "undefined"),
  ),
  mutation(
    "spans: a lease tells no trace",
    "trace in the owner",
    swap(/return .*;/, "return owner;"),
  ),
  mutation("spans: a wait is linked to nothing", "link of a wait", swap(", awaited", "")),
  mutation("spans: who joins is linked to nothing", "link to a flight", drop),
  mutation("spans: a refresh is linked to nothing", "link of a refresh", swap("linkTo(span)", "")),
  mutation("spans: who lost a refresh isn't linked to its winner", "link of a loser", drop),
  mutation(
    "spans: many keys don't wait for one's span",
    "look before a span",
    swap(/= .*;/, "= undefined as undefined | (() => void);"),
  ),
  mutation(
    "spans: many keys don't wait for the span of one's fetch",
    "look in a span",
    swap(/= .*;/, "= undefined as undefined | (() => void);"),
  ),
  mutation(
    "a fetch of many keys waits for others",
    "batch waits",
    drop,
  ),
  mutation("only one of many keys is fetched", "keys of a batch", swap("at + maxBatch", "at + 1")),
  mutation(
    "who leaves a fetch of many keys ends it for all",
    "some of a batch",
    swap("left.size > 0", "!isLeft"),
  ),
  mutation(
    "each of many keys has the first one's answer",
    "answer for a key",
    swap("[index]", "[0]"),
  ),
  mutation(
    "only the first of many leases is renewed",
    "kept together",
    swap("of all", "of all.slice(0, 1)"),
  ),
  mutation(
    "each of many keys has what was read for the first",
    "read for a key",
    swap("byKey.get(key)", "answers[0]"),
  ),
  mutation("what is stale is fresh to who reads many keys", "stale of many", never),
  mutation("a fetch of many keys isn't told that nobody wants it", "signal of a batch", drop),
  mutation(
    "a key that was left out has another's value",
    "left out",
    swap("Exit.fail(leftOut(name))", "Exit.succeed([...fetched as never][0])"),
  ),
  mutation(
    "L1 keeps what it has read for as long as it is fresh",
    "l1 lifetime",
    swap("Math.min(most, freshFor)", "freshFor"),
  ),
  mutation(
    "L1 keeps what it has read for its time, fresh or not",
    "l1 lifetime",
    swap("Math.min(most, freshFor)", "most"),
  ),
  mutation(
    "L1 counts the time from the answer",
    "l1 lifetime",
    swap("began + ", "now + "),
  ),
  mutation("L1 counts the time by the wall clock", "l1 clock", swap(/if \(.*?\)/, "if (time > 0)")),
  mutation("L1 keeps what was read before a change that came since", "l1 fence", drop),
  mutation("L1 keeps what comes last, not what was read last", "l1 order", drop),
  mutation("L1 keeps what a later read no longer found", "l1 gone", drop),
  mutation("L1 knows nothing of its process's changes", "l1 forgets", drop),
  mutation(
    "L1 knows nothing of its process's fills",
    "l1 fill",
    swap(/=> .*;/, "=> {};"),
  ),
  mutation("who joins late has what another had refreshed", "joined a renewed entry", drop),
  mutation("L1 knows nothing of a refresh elsewhere", "l1 renewed elsewhere", drop),
  mutation(
    "nobody refreshes what is found in L1 near its end",
    "l1 age",
    swap("freshUntil - time", "Infinity"),
  ),
  mutation("L1 keeps what it has past a line that broke", "l1 lapse", drop),
  mutation("L1 keeps what may have been changed without a word", "l1 missed", drop),
  mutation("L1 keeps what it reads while a change may be missed", "l1 missed while it reads", drop),
  mutation("L1 keeps what others have changed", "l1 hears", drop),
  mutation("L1 keeps what others change while it is read", "l1 hears while it reads", drop),
  mutation("L1 drops one of the keys that a change may be of", "l1 same hash", drop),
  mutation(
    "L1 keeps what it reads without being told of changes as if it were",
    "l1 untold",
    swap(/= .*;/, "= told;"),
  ),
  mutation("L1 keeps what it has past the time until which changes are told", "l1 until", drop),
  mutation("changes: a gap in their numbers is nothing missed", "changes gap", drop),
  mutation("changes: that they are counted anew is not noticed", "changes counted anew", never),
  mutation(
    "changes: the line is believed whatever the last number",
    "changes heard",
    swap(/if \(.*\) (\w+\(\w+\);)/, "if (true) $1"),
  ),
  mutation(
    "changes: the line is believed from the answer on",
    "changes until",
    swap(/= \w+ \+/, "= monotonic() +"),
  ),
  ofRedis(
    "cluster: entries are kept as if no message could be lost",
    "cluster ttl",
    swap("CLUSTER_TTL_MS", "60_000"),
  ),
  ofRedis("cluster: a line that hears nothing is left as it is", "cluster hears nothing", never),
  ofRedis(
    "cluster: the line is believed though this process doesn't hear itself",
    "cluster hears itself",
    drop,
  ),
  ofRedis("cluster: no line is opened in place of one that hears nothing", "cluster anew", drop),
  ofRedis(
    "tracking: what is told of all keys is nobody's",
    "tracked all",
    swap(/return .*;/, "return;"),
  ),
  ofRedis("tracking: what is told of all keys is a key's", "tracked flush", drop),
  ofRedis(
    "tracking: only the first of many keys is told",
    "tracked keys",
    swap("keys)", "keys.slice(0, 1))"),
  ),
  ofRedis(
    "tracking: a key isn't known by its name in the server",
    "tracked name",
    swap("nameOf(key)", "key"),
  ),
  ofRedis("tracking: a key's byte order mark is lost", "tracked text", swap("true", "false")),
  ofRedis(
    "tracking: the keys of all programs are told",
    "tracked prefix",
    swap(", ...prefixes", ""),
  ),
  ofMongodb("mongodb: the stream is believed wherever it is", "mongodb heard", drop),
  ofMongodb("mongodb: another primary goes on for the one before", "mongodb failover", drop),
  ofMongodb(
    "mongodb: the first change of a moment is all of it",
    "mongodb moment",
    swap("time < reached", "time <= reached"),
  ),
  ofMongodb(
    "mongodb: a stream that has ended tells nobody",
    "mongodb ended",
    swap("ended", "() => {}"),
  ),
];
