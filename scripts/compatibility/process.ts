/**
 * A program with two parts: `judge` starts three processes of the other over one backend, judges it and prints what was
 * seen in a line of JSON; `play` is such a process, a player that is told what to do by lines of JSON.
 */
import process from "node:process";
import { answer, beginning, messages, startWorker } from "../../tests/support/worker.ts";
import type { Connect, Place } from "../../tests/support/connection.ts";
import { judge, type Judgement, type Pace } from "./judge.ts";
import { type Outcome, type Play, type Player, playerOver } from "./player.ts";

/** Where a player plays. */
export interface Stage {
  /** The module of its connection, from this folder. */
  readonly connection: string;
  readonly place: Place;
}

/** What is judged. */
export interface Case extends Stage {
  /** What runs a player; the part and the stage come last. */
  readonly command: readonly string[];
  readonly pace?: Pace | undefined;
}

/** What came of it: a judgement, or why nobody could call at all. */
export type Answer = { readonly judgement: Judgement } | { readonly refused: string };

interface Order {
  readonly id: number;
  readonly play?: Play;
  readonly delete?: string;
  readonly get?: string;
}

interface Told {
  readonly id: number;
  readonly fetching?: true;
  readonly outcome?: Outcome;
  readonly found?: string | undefined;
  readonly error?: string;
}

async function startPlayer(command: readonly string[], stage: Stage): Promise<Player> {
  const { pid, send, next } = startWorker<Order, Told>([...command, "play"], stage);
  const { error } = await next();
  if (error !== undefined) throw new Error(error);
  let orders = 0;
  const heard = new Map<number, (told: Told) => void>();
  const listen = async () => {
    while (true) {
      const told = await next();
      heard.get(told.id)?.(told);
    }
  };
  listen().catch((error) => {
    for (const [id, hear] of heard) hear({ id, error: messageOf(error) });
  });
  const ask = (order: Omit<Order, "id">) =>
    new Promise<Told>((resolve, reject) => {
      const id = orders++;
      heard.set(id, (told) => told.error === undefined ? resolve(told) : reject(Error(told.error)));
      send({ id, ...order });
    });
  return {
    call(play) {
      const id = orders++;
      let begin!: () => void;
      const fetching = new Promise<void>((resolve) => begin = resolve);
      const outcome = new Promise<Outcome>((resolve, reject) =>
        heard.set(id, ({ fetching, outcome, error }) => {
          if (fetching) begin();
          if (outcome !== undefined) resolve(outcome);
          if (error !== undefined) reject(new Error(error));
        })
      );
      // Nobody asks what came of a player that was killed.
      outcome.catch(() => {});
      send({ id, play });
      return { fetching, outcome };
    },
    delete: async (key) => void await ask({ delete: key }),
    get: async (key) => (await ask({ get: key })).found,
    kill: () => void process.kill(pid, "SIGKILL"),
  };
}

async function judgeCase({ command, connection, place, pace }: Case): Promise<Answer> {
  try {
    const start = () => startPlayer(command, { connection, place });
    return { judgement: await judge([await start(), await start(), await start()], pace) };
  } catch (error) {
    return { refused: messageOf(error) };
  }
}

/** How long a client may take to connect, in milliseconds. */
const READY = 15_000;

async function play({ connection, place }: Stage): Promise<void> {
  // The output is for answers alone; clients and the library's logger may write there.
  console.log = console.info = console.debug = console.error;
  const file = import.meta.url.endsWith(".ts") ? connection : connection.replace(/ts$/, "js");
  const { connect } = await import(new URL(file, import.meta.url).href) as {
    readonly connect: Connect;
  };
  const { store, ready } = await connect(place);
  const late = new Promise((_, reject) =>
    setTimeout(reject, READY, new Error(`the client is not ready after ${READY / 1000} s`))
  );
  await Promise.race([ready(), late]);
  const player = playerOver(store);
  const tell: (told: Told) => void = answer;
  tell({ id: -1 });
  const obey = async ({ id, play, delete: deleted, get }: Order): Promise<void> => {
    if (play !== undefined) {
      const { fetching, outcome } = player.call(play);
      fetching.then(() => tell({ id, fetching: true }));
      tell({ id, outcome: await outcome });
    } else if (deleted !== undefined) {
      await player.delete(deleted);
      tell({ id });
    } else tell({ id, found: await player.get(get!) });
  };
  for await (const order of messages<Order>()) {
    obey(order).catch((error) => tell({ id: order.id, error: messageOf(error) }));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

if (process.argv.at(-2) === "judge") answer(await judgeCase(beginning<Case>()));
else {
  await play(beginning<Stage>()).catch((error) => answer({ id: -1, error: messageOf(error) }));
}
process.exit(0);
