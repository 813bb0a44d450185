import {
  type BackendTraits,
  type Event,
  type History,
  makeRecorder,
  type Recorder,
} from "../simulation/history.ts";
import { type Broken, judge } from "../simulation/judge.ts";

/** What each adapter of a remote backend promises. */
const remote: BackendTraits = {
  fenced: true,
  seen: "answers",
  renews: true,
  remembers: true,
  names: true,
  silent: true,
};

/** The clock that the processes of one machine share, as far as they do: to a millisecond or two. */
export const sharedClock = (): number => performance.timeOrigin + performance.now();

/** Within how many milliseconds that leaves the order of two things open, and a busy event loop. */
const INSTANT = 50;

/** How many numbers a process has to name what happens in it. */
const NUMBERS = 1e9;

/** Makes the recorder of the process of this number. */
export function recorderOf(process: number): Recorder {
  return makeRecorder(sharedClock, process * NUMBERS);
}

/** What several processes over one backend record, and what is judged of it. */
export interface Recording {
  /** Writes for this process, whose number is 0, and of what is done to others. */
  readonly recorder: Recorder;
  /** The number of one more process. */
  readonly newProcess: () => number;
  /** Adds what another process has recorded. */
  readonly add: (events: readonly Event[]) => void;
  /** Notes that by now the backend has lost everything. */
  readonly lose: () => void;
  /** Notes that no process has a connection, until what it returns is called. */
  readonly disconnect: () => () => void;
  /** All that was recorded until now, in the order in which it was added. */
  readonly added: readonly Event[];
  /**
   * A history for each key, and one of what is left in the end. Times may be off by so many milliseconds. The backend may
   * be one that announces leaders, and one whose changes are hidden from an L1 for no longer than it says.
   */
  readonly histories: (
    slack: number,
    backend?: Pick<BackendTraits, "announces" | "hides">,
  ) => readonly KeyHistory[];
}

/** What happened to one key, or, without one, what is left in the processes, by the time since the recording began. */
export interface KeyHistory extends History {
  readonly key: string | undefined;
}

/** Begins a recording. */
export function startRecording(): Recording {
  const began = sharedClock();
  const recorder = recorderOf(0);
  const all: Event[] = [];
  const losses: number[] = [];
  let processes = 0;
  return {
    recorder,
    added: all,
    newProcess: () => ++processes,
    add: (events) => void all.push(...events),
    lose: () => void losses.push(sharedClock()),
    disconnect: () => {
      recorder.note(EVERYONE, { type: "gone" });
      return () => recorder.note(EVERYONE, { type: "back" });
    },
    histories: (slack, backend) => {
      const events = [...recorder.events, ...all];
      return byKey([...events, ...absences(events, slack)], losses).map(({ key, events }) => ({
        key,
        events: events
          .map((event) => ({ ...event, at: event.at - began }))
          .sort((a, b) => a.at - b.at),
        backend: { ...remote, ...backend },
        slack,
        instant: INSTANT,
      }));
    },
  };
}

/** Which promises histories break. */
export function judgeAll(histories: readonly KeyHistory[]): (Broken & Pick<KeyHistory, "key">)[] {
  return histories.flatMap((history) =>
    judge(history).map((broken) => ({ key: history.key, ...broken }))
  );
}

/** How many calls there were. */
export function callsOf(histories: readonly KeyHistory[]): number {
  return histories.flatMap(({ events }) => events).filter(({ type }) => type === "call").length;
}

/** The number that stands for all processes: of what happens to the network. */
const EVERYONE = -1;

/**
 * When each process is gone, as far as the backend may see: while it is cut off, and until it had time to connect again; and
 * from when on it has crashed.
 */
function absences(events: readonly Event[], slack: number): Event[] {
  const crashes = new Map<number, number>();
  const cuts: { readonly from: number; to: number }[] = [];
  for (const { type, process, at } of events) {
    if (type === "crash") crashes.set(process, at);
    else if (process !== EVERYONE) continue;
    else if (type === "gone") cuts.push({ from: at, to: Infinity });
    else if (type === "back") {
      const cut = cuts.at(-1)!;
      // Who has tried for longer pauses for longer before the next try.
      cut.to = at + slack + (at - cut.from) / 2;
    }
  }
  const processes = new Set(events.map(({ process }) => process));
  processes.delete(EVERYONE);
  return [...processes].flatMap((process): Event[] => {
    const crashed = crashes.get(process) ?? Infinity;
    const own = cuts.filter(({ from }) => from < crashed)
      .map(({ from, to }) => ({ from, to: to < crashed ? to : Infinity }));
    if (crashed < Infinity && own.every(({ to }) => to < Infinity)) {
      own.push({ from: crashed, to: Infinity });
    }
    return own.flatMap(({ from, to }): Event[] => [
      { type: "gone", at: from, process },
      ...to < Infinity ? [{ type: "back", at: to, process } as const] : [],
    ]);
  });
}

/** The promises are those of a key, so that each key has a history of its own. */
function byKey(
  events: readonly Event[],
  losses: readonly number[],
): Pick<KeyHistory, "key" | "events">[] {
  const keys = keysOf(events);
  const histories = new Map<string | undefined, Event[]>(
    [...keys.values()].map((key) => [key, []]),
  );
  const rests: Event[] = [];
  for (const event of events) {
    const { type } = event;
    if (type === "rest") rests.push(event);
    else if (ofProcesses.has(type)) {
      for (const history of histories.values()) history.push(event);
    } else histories.get("key" in event ? event.key : keys.get(numberOf(event)))!.push(event);
  }
  for (const [key, history] of histories) {
    for (const at of losses) history.push({ type: "lost", at, process: -1, key: key! });
  }
  histories.set(undefined, rests);
  return Array.from(histories, ([key, events]) => ({ key, events }));
}

/** What happens to a process as a whole. */
const ofProcesses: ReadonlySet<Event["type"]> = new Set(
  ["pause", "resume", "crash", "gone", "back"] as const,
);

/** Whose key each number stands for: numbers name calls, fetches, operations and changes alike. */
function keysOf(events: readonly Event[]): ReadonlyMap<number, string> {
  const keys = new Map<number, string>();
  for (const event of events) {
    if (event.type === "call") keys.set(event.call, event.key);
    if (event.type === "change") keys.set(event.change, event.key);
    if (event.type === "ask") keys.set(event.operation, event.question.key);
  }
  for (const event of events) {
    if (event.type === "fetch") keys.set(event.fetch, keys.get(event.call)!);
  }
  return keys;
}

function numberOf(event: Event): number {
  if ("fetch" in event) return event.fetch;
  if ("operation" in event) return event.operation;
  if ("change" in event) return event.change;
  if ("call" in event) return event.call;
  throw new Error(`Cannot tell the key of ${JSON.stringify(event)}`);
}
