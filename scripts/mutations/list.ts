/** One way to break the engine: texts of its source and what stands in their place. */
export interface Mutation {
  readonly what: string;
  readonly file: string;
  readonly edits: readonly (readonly [text: string, instead: string])[];
}

const mutation = (
  what: string,
  file: string,
  ...edits: readonly (readonly [string, string])[]
): Mutation => ({ what, file: `src/${file}.ts`, edits });

/** The ways in which the engine is broken, each of which the simulator must notice. */
export const mutations: readonly Mutation[] = [
  mutation("no look at the entry after winning", "store/halves", [
    'if (entry !== undefined) return { _tag: "Hit", entry };',
    'if (entry !== undefined && answer.role === "follower") return { _tag: "Hit", entry };',
  ]),
  mutation("`null` is a miss", "engine/get_or_set", [
    "if (entry === undefined) return go(",
    "if (entry === undefined || entry.value === null) return go(",
  ]),
  mutation("no fence: the value is set", "engine/lead", [
    'operate(call, "fill", claim.owner, value, ttl)',
    'Effect.as(operate(call, "set", value, ttl), true)',
  ]),
  mutation("a lease that was lost is filled all the same", "engine/lead", [
    "if (claim.outcome === undefined) return Effect.succeed(false);",
    "",
  ]),
  mutation("a refused fill counts as stored", "engine/lead", [
    "return Effect.succeed(stored);",
    "return Effect.succeed(true);",
  ]),
  mutation("the release is forgotten on interruption", "engine/contend", [
    'acquired._tag === "Leader" && claim.outcome !== undefined',
    'acquired._tag === "Leader" && claim.outcome !== undefined && claim.outcome !== "cancelled"',
  ]),
  mutation("the release is forgotten on failure", "engine/contend", [
    'acquired._tag === "Leader" && claim.outcome !== undefined',
    'acquired._tag === "Leader" && claim.outcome !== undefined && claim.outcome !== "failed"',
  ]),
  mutation("no release after an acquire without an answer", "engine/contend", [
    '() => outlive(flight, Effect.ignore(operate(call, "release", owner, "cancelled")))',
    "() => Effect.void",
  ]),
  mutation("the release doesn't say that nothing was stored", "engine/lead", [
    'if (claim.outcome !== undefined) claim.outcome = "uncached";',
    "",
  ]),
  mutation("the release doesn't say that the fetch failed", "engine/lead", [
    'if (claim.outcome !== undefined) claim.outcome = "failed";',
    "",
  ]),
  mutation("no renewal", "engine/lead", [
    "forkDetached(keepLease(flight, call, claim))",
    "forkDetached(Effect.void)",
  ]),
  mutation("renewal never stops", "engine/lead", [
    "renewals === MAX_RENEWALS",
    "renewals === Infinity",
  ]),
  mutation("renewal goes on after the fetch", "engine/lead", [
    "(keeper) => Fiber.interrupt(keeper)",
    "() => Effect.void",
  ]),
  mutation("renewal comes too late", "engine/lead", [
    "leaseTtl / 3), () =>",
    "leaseTtl * 1.2), () =>",
  ]),
  mutation("renewal gives up after an error", "engine/lead", [
    "() => keep(renewals + 1),\n          ),",
    "() => Effect.void,\n          ),",
  ]),
  mutation("a lease that was lost is renewed on", "engine/lead", [
    "if (held) return keep(renewals + 1);",
    "if (held || !held) return keep(renewals + 1);",
  ]),
  mutation("a lease that was lost doesn't retire its flight", "engine/lead", [
    "claim.outcome = undefined;\n          return Effect.sync(() => retire(flight));",
    "claim.outcome = undefined;\n          return Effect.void;",
  ]),
  mutation("flights are not joined", "engine/flights", [
    "return coalesce ? flightsOf(store)[which] : undefined;",
    'return coalesce && which !== "leading" ? flightsOf(store)[which] : undefined;',
  ]),
  mutation("fallbacks are not shared", "engine/get_or_set", [
    "now - current.since! < leaseTtl) {",
    "now < 0) {",
  ]),
  mutation("a fallback that hangs is waited for without end", "engine/get_or_set", [
    "return wait(current, caller, now + leaseTtl);",
    "return wait(current, caller, Infinity);",
  ]),
  mutation("who joined waits without end", "engine/get_or_set", [
    "+ call.settings.waitMax;",
    "+ Infinity;",
  ]),
  mutation("who follows waits without end", "engine/follow", [
    "for (let attempt = 1; left() >= 1;) {",
    "for (let attempt = 1; left() < Infinity;) {",
  ]),
  mutation("waiting ends by the wall clock", "engine/follow", [
    "const began = caller.waitingSince ??= wholeMillis(clock);",
    "caller.waitingSince ??= wholeMillis(clock);\n      const began = wallMillis(clock);",
  ], [
    "began + call.settings.waitMax - monotonicMillis(clock)",
    "began + call.settings.waitMax - wallMillis(clock)",
  ]),
  mutation("the fallback doesn't wait at all", "engine/contend", [
    'answer._tag === "Follower" ? follow(flight, caller, answer, look) : Effect.succeed(answer)',
    'Effect.succeed<End>(answer._tag === "Follower" ? { _tag: "FallBack" } : answer)',
  ]),
  mutation("no look once the watch stands", "engine/follow", [
    'if (woken === "none") continue;',
    'if (woken === "none" || woken === "opened") continue;',
  ]),
  mutation("a look where there is no push to be had", "engine/follow", [
    'if (woken === "none") continue;',
    "",
  ]),
  mutation("looks wait for the watch", "engine/follow", [
    'Effect.map(forkDetached(operate(call, "watch"), opening), news)',
    'Effect.map(Effect.tap(forkDetached(operate(call, "watch"), opening), (fiber) => Fiber.await(fiber)), news)',
  ]),
  mutation("pushes wake nobody", "engine/follow", [
    "push === undefined ? pausing",
    "push !== null ? pausing",
  ]),
  mutation("no shortest pause between two looks", "engine/follow", [
    "const SHORTEST_PAUSE = 10;",
    "const SHORTEST_PAUSE = 1;",
  ]),
  mutation("looks forget what was waited for", "engine/follow", [
    "look(lease.lease)",
    "look(undefined as never)",
  ]),
  mutation("who waited for nothing queues again", "engine/contend", [
    'case "Ended":\n          return Effect.succeed({ _tag: "FallBack" });',
    'case "Ended":\n          return Effect.succeed({ _tag: "Over" });',
  ]),
  mutation("a failure elsewhere is not counted", "engine/contend", [
    "caller.tries--;\n  learnOfFailure(flight);",
    "",
  ]),
  mutation("a failure elsewhere counts for the starter only", "engine/contend", [
    "learnOfFailure(flight);",
    "",
  ]),
  mutation("a failure here is not counted", "engine/get_or_set", [
    "return --caller.tries > 0 ? again(caller)",
    "return caller.tries > 0 ? again(caller)",
  ]),
  mutation("a failure fails all who waited", "engine/get_or_set", [
    "return --caller.tries > 0 ? again(caller)",
    "return --caller.tries > 1e9 ? again(caller)",
  ]),
  mutation("all who waited have the starter's error", "engine/get_or_set", [
    "if (started) return Effect.failCause(signal.cause);",
    "if (started || !started) return Effect.failCause(signal.cause);",
  ]),
  mutation("the cache's failure fails who bypasses it", "engine/get_or_set", [
    "(signal.everyone && !caller.call.settings.bypass)",
    "signal.everyone",
  ]),
  mutation("an entry that can't be decoded fails the call", "engine/get_or_set", [
    "if (error.corrupt || call.settings.bypass) {",
    "if (call.settings.bypass) {",
  ]),
  mutation("the starter takes all along as it leaves", "engine/flight", [
    "if (opened.fiber !== undefined) return leave(opened);",
    "if (opened.fiber !== undefined) return Effect.asVoid(Fiber.interrupt(opened.fiber));",
  ]),
  mutation("who leaves as it looks leaves the others waiting", "engine/get_or_set", [
    "return abandon(caller);",
    "return Effect.void;",
  ]),
  mutation("the starter leaves twice", "engine/flight", ["caller.opened = undefined;", ""]),
  mutation("the last to leave leaves the fetch running", "engine/flight", [
    "if (callers > 0 || ended !== undefined || fiber === undefined) return Effect.void;",
    "if (callers >= 0 || ended !== undefined || fiber === undefined) return Effect.void;",
  ]),
  mutation("the signal doesn't fire", "engine/flight", ["\n  abort?.();", ""]),
  mutation("a value that can't be stored is lost", "engine/lead", [
    "return Effect.as(outlive(flight, released), stored);",
    "return Effect.flatMap(outlive(flight, released), () => Effect.die(error));",
  ]),
  mutation(
    "a value that is fetched as the last caller leaves is not stored",
    "engine/lead",
    [
      "Effect.uninterruptible(Effect.clockWith((clock) => {",
      "Effect.suspend(() => Effect.clockWith((clock) => {",
    ],
  ),
  mutation("a fill that fails is not reported", "engine/lead", [
    "Effect.flatMap(report(flight, phaseError(call, error)), () => {\n            claim",
    "Effect.flatMap(Effect.void, () => {\n            claim",
  ]),
  mutation("operations take as long as they like", "engine/operation", [
    "within(clock, operationTimeout, begun",
    "within(clock, 1e9, begun",
  ]),
  mutation("a change leaves what began before in the tables", "face/client", [
    "Effect.ensuring(changing, Effect.sync(() => retireFlights(settings.store, key)))",
    "changing",
  ]),
];
