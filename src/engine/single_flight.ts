import { callback } from "../effect/callback.ts";
import { monotonicMillis, wholeMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import type * as Cause from "effect/Cause";
import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { LastingMap } from "./lasting.ts";

/** The flights that callers can join, by key. */
export type FlightTable<End> = LastingMap<string, Flight<End>>;

/** Work that is done once for all who wait for it. It ends with an `End`, of which nothing is known here. */
export interface Flight<End> {
  readonly key: string;
  /** Where others find it; undefined for a flight that nobody can join. */
  readonly table: FlightTable<End> | undefined;
  readonly clock: Clock.Clock;
  /** Who started it, and waits for its end, however long that takes; or who does so instead. */
  first: Waiter<End>;
  /** How many have joined and have neither left nor been woken. */
  waiting: number;
  /** Those who wait, by what may wake them before the end. */
  readonly groups: WaitGroup<End>[];
  /** Whether nobody wanted its end any more. It isn't wanted again by who joins it then and waits until it has ended. */
  cancelled: boolean;
  /** Whether it goes on when nobody waits for its end any more. */
  goesOn: boolean;
  /** Called when it is cancelled. */
  onCancel?: (() => void) | undefined;
  /** Stops what it does, as far as that can be stopped, when it is cancelled; `now`, it doesn't wait for what can't be. */
  stop?: ((now?: boolean) => void) | undefined;
  /** Whether it goes on once its first has gone on, whom nothing keeps from leaving before. */
  awaitsFirst?: boolean;
  /** Called when it has ended, after those who wait. */
  ended?: (() => void)[] | undefined;
  /** Called in the end, as a method. */
  over?(): void;
  /** Until when it does what nobody is to do again, however long those who wait for it may wait: by the monotonic clock. */
  busyUntil: number | undefined;
  /** What those get from now on whose time is out: it ends so, but for what it still has to do. */
  known?: End | undefined;
  /** What all who waited were given before the end, as who joins now is. */
  handedOut?: Wake<End> | undefined;
  /** How it ended. */
  completed?: Wake<End> | undefined;
  /** One who waits here until the end, for all who come and can't be told from that one; what it is, they know. */
  shared?: unknown;
}

/** Someone who waits in a flight. What waits there is this one object, so that a herd of callers weighs little. */
export interface Waiter<End> {
  /** The flight that it is in. */
  flight: Flight<End> | undefined;
  /** Its group there, and its index among the group's waiters. */
  group: WaitGroup<End> | undefined;
  index: number;
  /** Continues it, with why it is woken. */
  woken(flight: Flight<End>, wake: Wake<End>): void;
}

/** Waiters that are woken before the end at the same time. */
export interface WaitGroup<End> {
  /** When they have waited for long enough, in whole milliseconds of the monotonic clock. */
  readonly until: number;
  /** How many more failed fetches they may learn of. */
  failuresLeft: number;
  /** Each at its `index`; undefined where one has left. */
  waiters: (Waiter<End> | undefined)[];
  /** Cancels the deadline at `until`. */
  cancel?: () => void;
}

/** What a waiter is woken with. */
export interface Wake<End> {
  readonly signal: Signal<End>;
  /** When, in whole milliseconds of the monotonic clock. */
  readonly at: number;
  /** What is left of the failed fetches that the waiter may learn of. */
  readonly failuresLeft: number;
}

/** Why a waiter is woken. */
export type Signal<End> =
  | End
  /** It has waited for as long as it may. */
  | { readonly _tag: "OutOfTime" }
  /** It has learned of as many failed fetches as it may. */
  | { readonly _tag: "OutOfFailures" }
  /** The flight was cancelled, or has more to tell to who joins it now: whoever still wants its end starts anew. */
  | { readonly _tag: "Cancelled" }
  /** The flight died of a defect, of an adapter's or of the engine's. */
  | { readonly _tag: "Died"; readonly cause: Cause.Cause<unknown> };

/** Makes later callers start a flight of their own. */
export function removeFromTable<End>(flight: Flight<End>): void {
  if (flight.table?.get(flight.key) === flight) flight.table.delete(flight.key);
}

/** Ends the flight: wakes all who wait in it. */
export function complete<End>(flight: Flight<End>, signal: Signal<End>): void {
  if (flight.completed !== undefined) return;
  removeFromTable(flight);
  wakeAll(flight, flight.completed = wakeOf(flight, signal));
  flight.ended?.forEach((tell) => tell());
  flight.over?.();
}

/** Gives those whose time is out what the flight will end with: now, and from now on. */
export function makeKnown<End>(flight: Flight<End>, end: End): void {
  flight.known = end;
  wakeLate(flight);
}

/** It does nothing any more that nobody is to do again: those whose time is out go on. */
export function notBusy<End>(flight: Flight<End>): void {
  if (flight.busyUntil === undefined) return;
  flight.busyUntil = undefined;
  wakeLate(flight);
}

/** Wakes those whose time is out, unless they are to wait longer. */
function wakeLate<End>(flight: Flight<End>): void {
  const now = monotonicMillis(flight.clock);
  for (const group of [...flight.groups]) {
    if (group.until <= now) outOfTime(flight, group);
  }
}

/** Gives all who wait, and who joins from now on, what the flight has, while it goes on. */
export function handOut<End>(flight: Flight<End>, end: End): void {
  if (flight.completed === undefined) wakeAll(flight, flight.handedOut = wakeOf(flight, end));
}

function wakeOf<End>({ clock }: Flight<End>, signal: Signal<End>): Wake<End> {
  return { signal, at: wholeMillis(clock), failuresLeft: Infinity };
}

function wakeAll<End>(flight: Flight<End>, woken: Wake<End>): void {
  const { first, groups } = flight;
  if (first.flight === flight) wake(flight, first, woken);
  for (const group of groups) wakeGroup(flight, group, woken.signal);
}

/** Has it called when the flight has ended. */
export function whenEnded<End>(flight: Flight<End>, tell: () => void): void {
  if (flight.completed !== undefined) tell();
  else (flight.ended ??= []).push(tell);
}

/**
 * Has a waiter who isn't the first wait for the end of a flight: until a time of the monotonic clock at most, and for so
 * many failed fetches elsewhere. It must {@linkcode leave} if it goes before it is woken.
 */
export function wait<End>(
  flight: Flight<End>,
  waiter: Waiter<End>,
  until: number,
  failuresLeft: number,
): void {
  const over = flight.completed ?? flight.handedOut;
  if (over !== undefined) return waiter.woken(flight, over);
  waiter.flight = flight;
  flight.waiting++;
  const group = waiter.group = groupOf(flight, Math.ceil(until), failuresLeft);
  waiter.index = group.waiters.push(waiter) - 1;
}

/** The group with these bounds: the last one, or a new one. */
function groupOf<End>(
  flight: Flight<End>,
  until: number,
  failuresLeft: number,
): WaitGroup<End> {
  const { clock, groups } = flight;
  const last = groups.at(-1);
  if (last?.until === until && last.failuresLeft === failuresLeft) return last;
  const group: WaitGroup<End> = { until, failuresLeft, waiters: [] };
  groups.push(group);
  if (until < Infinity) {
    const left = Math.max(0, until - monotonicMillis(clock));
    group.cancel = deadline(clock, left, () => outOfTime(flight, group));
  }
  return group;
}

/** Whether a flight does what nobody is to do again. */
export function isBusy<End>({ busyUntil = 0, clock }: Flight<End>): boolean {
  return busyUntil > monotonicMillis(clock); // mutate: busy
}

function outOfTime<End>(flight: Flight<End>, group: WaitGroup<End>): void {
  const { known, busyUntil, clock } = flight;
  if (known === undefined && isBusy(flight)) {
    const left = busyUntil! - monotonicMillis(clock);
    group.cancel = deadline(clock, left, () => outOfTime(flight, group));
    return;
  }
  wakeEarly(flight, group, known ?? { _tag: "OutOfTime" }); // mutate: known value
}

/**
 * A waiter leaves, unless it has been woken. The others stay as they were; the last one to leave cancels the flight and
 * waits until that is done, unless the flight goes on without it.
 */
export function leave<End>(waiter: Waiter<End>): Effect.Effect<void> {
  const { flight, group, index } = waiter;
  if (flight === undefined || flight.completed !== undefined) return Effect.void;
  waiter.flight = undefined;
  if (group?.waiters[index] === waiter) group.waiters[index] = undefined;
  flight.waiting--;
  if (flight.awaitsFirst && waiter === flight.first) complete(flight, { _tag: "Cancelled" });
  else cancelIfEmpty(flight);
  if (flight.waiting > 0 || flight.goesOn || flight.completed !== undefined) return Effect.void;
  return callback((resume) => whenEnded(flight, () => resume(Effect.void)));
}

function cancelIfEmpty<End>(flight: Flight<End>): void {
  if (flight.waiting <= 0 && !flight.goesOn) cancel(flight); // mutate: last leaves
}

function cancel<End>(flight: Flight<End>, now = false): void {
  if (flight.completed !== undefined) return;
  flight.cancelled = true; // mutate: cancelled
  flight.onCancel?.(); // mutate: signal
  flight.stop?.(now);
}

/** Cancels a flight, whoever waits for its end. */
export function stopNow<End>(flight: Flight<End>): void {
  flight.goesOn = false;
  cancel(flight, true);
}

/** Counts a failed fetch elsewhere for all who wait in the flight but its first. */
export function countFailure<End>(flight: Flight<End>): void {
  flight.shared = undefined;
  const spent = flight.groups.filter((group) => --group.failuresLeft <= 0);
  for (const group of spent) wakeEarly(flight, group, { _tag: "OutOfFailures" });
}

/** Has all but the first join once more. */
export function rejoin<End>(flight: Flight<End>): void {
  for (const group of [...flight.groups]) wakeEarly(flight, group, { _tag: "Cancelled" });
}

/** Wakes some, who may be the first: they have what is known, or join once more. */
export function wakeSome<End>(
  flight: Flight<End>,
  which: (waiter: Waiter<End>) => boolean,
): void {
  if (flight.completed !== undefined) return;
  flight.shared = undefined;
  const { first, groups, known } = flight;
  const woken = wakeOf<End>(flight, known ?? { _tag: "Cancelled" });
  if (first.flight === flight && which(first)) wake(flight, first, woken);
  for (const { waiters } of [...groups]) {
    for (const waiter of [...waiters]) {
      if (waiter === undefined || !which(waiter)) continue;
      waiters[waiter.index] = undefined;
      wake(flight, waiter, woken);
    }
  }
  cancelIfEmpty(flight);
}

/** Wakes a group before the end. */
function wakeEarly<End>(
  flight: Flight<End>,
  group: WaitGroup<End>,
  signal: Signal<End>,
): void {
  flight.shared = undefined;
  flight.groups.splice(flight.groups.indexOf(group), 1);
  wakeGroup(flight, group, signal);
  cancelIfEmpty(flight);
}

function wakeGroup<End>(flight: Flight<End>, group: WaitGroup<End>, signal: Signal<End>): void {
  const { waiters, failuresLeft } = group;
  group.waiters = [];
  group.cancel?.();
  const woken = { signal, at: wholeMillis(flight.clock), failuresLeft };
  for (const waiter of waiters) {
    if (waiter !== undefined) wake(flight, waiter, woken);
  }
}

function wake<End>(flight: Flight<End>, waiter: Waiter<End>, woken: Wake<End>): void {
  flight.waiting--;
  waiter.flight = undefined;
  try {
    waiter.woken(flight, woken);
  } catch (error) {
    // Effect 4 continues a fiber at once: an observer of it that throws must not keep the others waiting.
    queueMicrotask(() => {
      throw error;
    });
  }
}
