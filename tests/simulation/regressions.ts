import type { Deed, Scenario } from "./scenario.ts";

/** A scenario in which a promise was broken once, or was wrongly said to be, as small as it could be made. */
export interface Regression {
  readonly what: string;
  readonly scenario: Scenario;
}

/** What seeds have found in the engine, and in what judges it. */
export const regressions: readonly Regression[] = [
  {
    what: "an L1 keeps what was read in the moment in which its process has changed the key",
    // deno-fmt-ignore
    scenario: {"seed":1105,"backend":"push","halves":{"renew":false,"ready":true,"watch":false,"outcomes":true},"yields":0.2,"processes":[{"trip":[0,12],"trouble":0},{"trip":[0,12],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":90,"waitMax":2000,"operationTimeout":120,"longestPause":40,"cacheTtl":60000,"coalesce":true,"bypass":true,"staleWhileRevalidate":150,"staleIfError":150,"errorBackoff":20,"l1":5000},"waitStep":10,"push":{"lost":0,"late":0},"promises":true,"pushless":false,"deeds":[{"type":"set","at":0,"process":0,"key":"a"},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":40,"result":"fails","cleanup":0},"terms":{}},{"type":"call","at":15,"process":1,"key":"a","fetch":{"takes":2,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":27,"process":0,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":27,"process":1,"key":"a","fetch":{"takes":6,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":35,"process":1,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":37,"process":0,"key":"a","fetch":{"takes":9,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":37,"process":1,"key":"a","fetch":{"takes":7,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":45,"process":1,"key":"a","fetch":{"takes":7,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":57,"process":0,"key":"a","fetch":{"takes":6,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":57,"process":1,"key":"a","fetch":{"takes":1,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":65,"process":1,"key":"a","fetch":{"takes":3,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":67,"process":1,"key":"a","fetch":{"takes":7,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":77,"process":1,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":85,"process":1,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":87,"process":1,"key":"a","fetch":{"takes":7,"result":"value","cleanup":0},"terms":{}},{"type":"set","at":89,"process":0,"key":"a"},{"type":"call","at":95,"process":1,"key":"a","fetch":{"takes":6,"result":"value","cleanup":0},"terms":{}},{"type":"delete","at":113,"process":1,"key":"a"},{"type":"pause","at":114,"process":1,"for":120},{"type":"call","at":115,"process":1,"key":"a","fetch":{"takes":6,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":157,"process":0,"key":"a","fetch":{"takes":8,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":157,"process":1,"key":"a","fetch":{"takes":7,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":165,"process":1,"key":"a","fetch":{"takes":7,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":167,"process":0,"key":"a","fetch":{"takes":3,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":167,"process":1,"key":"a","fetch":{"takes":8,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":175,"process":1,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":177,"process":1,"key":"a","fetch":{"takes":3,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":245,"process":1,"key":"a","fetch":{"takes":1,"result":"value","cleanup":0},"terms":{}}],"traced":[true],"changes":{"lost":0,"late":0,"twice":0,"every":20,"lostAfter":60,"alone":50,"slow":0.4}},
  },
  {
    what: "an L1 keeps what was read before a refresh elsewhere that this process has waited for",
    // deno-fmt-ignore
    scenario: {"seed":1,"backend":"push","halves":{"renew":true,"ready":false,"watch":false,"outcomes":true},"yields":0,"processes":[{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":90,"waitMax":600,"operationTimeout":120,"longestPause":100,"cacheTtl":2000,"coalesce":true,"bypass":false,"l1":1000},"waitStep":25,"push":{"lost":0,"late":0},"promises":false,"pushless":false,"deeds":[{"type":"set","at":0,"process":1,"key":"a"},{"type":"call","at":10,"process":0,"key":"a","fetch":{"takes":10,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":20,"process":1,"key":"a","fetch":{"takes":40,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":30,"process":0,"key":"a","fetch":{"takes":40,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":150,"process":0,"key":"a","fetch":{"takes":10,"result":"value","cleanup":0},"terms":{}}]},
  },
  {
    what: "an L1 keeps what comes last, not what was read last",
    // deno-fmt-ignore
    scenario: {"seed":6958,"backend":"observed","halves":{"renew":true,"ready":false,"watch":false,"outcomes":true},"yields":0.2,"processes":[{"trip":[0,12],"trouble":0},{"trip":[8,12],"trouble":0},{"trip":[1,12],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":60,"waitMax":600,"operationTimeout":120,"longestPause":100,"cacheTtl":200,"coalesce":false,"bypass":false,"l1":30},"waitStep":25,"push":{"lost":0,"late":0},"promises":false,"pushless":false,"deeds":[{"type":"call","at":0,"process":2,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":2,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":2,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":15,"process":2,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":16,"process":2,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"set","at":16,"process":0,"key":"a"},{"type":"call","at":21,"process":2,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":22,"process":2,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}},{"type":"set","at":23,"process":2,"key":"a"},{"type":"call","at":30,"process":2,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"terms":{}}],"traced":[true,true,true]},
  },
  {
    what: "a key of many is fetched before the spans of the others have begun",
    // deno-fmt-ignore
    scenario: {"seed":3674,"backend":"observed","halves":{"renew":true,"ready":true,"watch":true,"outcomes":true},"yields":0.2,"processes":[{"trip":[0,0],"trouble":0},{"trip":[0,0],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":300,"waitMax":2000,"operationTimeout":1000,"longestPause":40,"cacheTtl":20,"coalesce":true,"bypass":false},"waitStep":10,"push":{"lost":0,"late":0},"promises":false,"pushless":false,"deeds":[{"type":"batch","at":0,"process":1,"terms":{},"keys":["a","b"],"leavesOut":["b"],"maxBatch":2,"fetch":{"takes":40,"result":"value","cleanup":0}}],"together":false,"traced":[true,true,true]},
  },
  {
    what: "a flight that is interrupted before its first step stays in its table",
    // deno-fmt-ignore
    scenario: {"seed":33305,"backend":"push","halves":{"renew":true,"ready":true,"watch":false,"outcomes":true},"yields":0.02,"processes":[{"trip":[0,2],"trouble":0},{"trip":[0,2],"trouble":0},{"trip":[2,2],"trouble":0},{"trip":[0,2],"trouble":0},{"trip":[0,2],"trouble":0}],"terms":{"takeovers":2,"leaseTtl":300,"waitMax":150,"operationTimeout":1000,"longestPause":40,"cacheTtl":1000000000,"coalesce":true,"bypass":true},"waitStep":10,"push":{"lost":1,"late":100},"deeds":[{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":412,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":2,"key":"a","fetch":{"takes":367,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":3,"key":"a","fetch":{"takes":561,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":4,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":226,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":4,"key":"a","fetch":{"takes":2,"result":"hangs","cleanup":0},"leave":{"after":222,"how":"abort"},"terms":{}},{"type":"call","at":0,"process":2,"key":"a","fetch":{"takes":4,"result":"hangs","cleanup":0},"leave":{"after":467,"how":"interrupt"},"terms":{}},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":3,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":10,"result":"hangs","cleanup":0},"leave":{"after":357,"how":"interrupt"},"terms":{}},{"type":"call","at":0,"process":2,"key":"a","fetch":{"takes":472,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":2,"key":"a","fetch":{"takes":255,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":4,"key":"a","fetch":{"takes":302,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":10,"result":"hangs","cleanup":0},"leave":{"after":1926,"how":"abort"},"terms":{}},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":1,"result":"hangs","cleanup":0},"leave":{"after":4780,"how":"interrupt"},"terms":{}},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":566,"result":"value","cleanup":0},"terms":{}},{"type":"pause","at":17,"process":2,"for":9},{"type":"pause","at":18,"process":0,"for":971},{"type":"pause","at":165,"process":4,"for":1022}]},
  },
  {
    what: "a value that was fetched as its last caller left is not stored",
    // deno-fmt-ignore
    scenario: {"seed":7891,"backend":"push","halves":{"renew":true,"ready":false,"watch":false,"outcomes":true},"yields":0.2,"processes":[{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0}],"terms":{"takeovers":2,"leaseTtl":90,"waitMax":600,"operationTimeout":120,"longestPause":100,"cacheTtl":1000000000,"coalesce":true,"bypass":false},"waitStep":25,"push":{"lost":0,"late":0},"deeds":[{"type":"call","at":0,"process":3,"key":"a","fetch":{"takes":40,"result":"value","cleanup":0},"leave":{"after":27,"how":"interrupt"},"terms":{}},{"type":"pause","at":11,"process":3,"for":135}]},
  },
  {
    what: "values are fetched in the moment in which their last callers leave",
    scenario: {
      seed: 7419,
      backend: "poll",
      halves: { renew: true, ready: false, watch: false, outcomes: false },
      yields: 0.2,
      processes: [{ trip: [0, 0], trouble: 0 }],
      terms: {
        takeovers: 0,
        leaseTtl: 300,
        waitMax: 600,
        operationTimeout: 50,
        longestPause: 320,
        cacheTtl: 15,
        coalesce: true,
        bypass: false,
      },
      waitStep: 80,
      push: { lost: 0, late: 0 },
      deeds: [
        ...Array.from({ length: 50 }, (_, number): Deed => ({
          type: "call",
          at: 1,
          process: 0,
          key: `key ${number}`,
          fetch: { takes: 40, result: "value", cleanup: 0 },
          leave: { after: 28, how: "abort" },
          terms: {},
        })),
        // All of it comes at once as the pause ends.
        { type: "pause", at: 11, process: 0, for: 481 },
      ],
    },
  },
  {
    what: "a fetch that hangs for longer than its lease is renewed",
    scenario: {
      seed: 17,
      backend: "push",
      halves: { renew: true, ready: false, watch: false, outcomes: false },
      yields: 0,
      processes: [{ trip: [1, 1], trouble: 0 }, { trip: [1, 1], trouble: 0 }],
      terms: {
        takeovers: 1,
        leaseTtl: 30_000,
        waitMax: 600,
        operationTimeout: 120,
        longestPause: 320,
        cacheTtl: 1_000_000_000,
        coalesce: true,
        bypass: false,
      },
      waitStep: 80,
      push: { lost: 0, late: 0 },
      deeds: [
        {
          type: "call",
          at: 0,
          process: 0,
          key: "a",
          fetch: { takes: 0, result: "hangs", cleanup: 0 },
          leave: { after: 900_000, how: "abort" },
          terms: {},
        },
        {
          type: "call",
          at: 700_000,
          process: 1,
          key: "a",
          fetch: { takes: 5, result: "value", cleanup: 0 },
          terms: {},
        },
      ],
    },
  },
  {
    what: "a process that is paused has its value as its last caller is already gone",
    // deno-fmt-ignore
    scenario: {"seed":7419,"backend":"poll","halves":{"renew":true,"ready":false,"watch":true,"outcomes":false},"yields":0.2,"processes":[{"trip":[0,0],"trouble":0},{"trip":[0,0],"trouble":0},{"trip":[0,0],"trouble":0}],"terms":{"takeovers":0,"leaseTtl":300,"waitMax":600,"operationTimeout":50,"longestPause":320,"cacheTtl":15,"coalesce":true,"bypass":false},"waitStep":80,"push":{"lost":0,"late":0},"promises":false,"deeds":[{"type":"call","at":1,"process":0,"key":"a","fetch":{"takes":40,"result":"value","cleanup":0},"leave":{"after":28,"how":"abort"},"terms":{}},{"type":"call","at":2,"process":2,"key":"a","fetch":{"takes":20,"result":"value","cleanup":0},"leave":{"after":21,"how":"abort"},"terms":{}},{"type":"call","at":3,"process":1,"key":"a","fetch":{"takes":40,"result":"value","cleanup":0},"terms":{}},{"type":"pause","at":11,"process":0,"for":481}]},
  },
  {
    what: "halves say who leads in the moment in which the time for that is out",
    // deno-fmt-ignore
    scenario: {"seed":6990,"backend":"halves","halves":{"renew":false,"ready":false,"watch":true,"outcomes":false},"yields":0,"processes":[{"trip":[0,12],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":300,"waitMax":2000,"operationTimeout":120,"longestPause":320,"cacheTtl":15,"coalesce":true,"bypass":true},"waitStep":80,"push":{"lost":0,"late":0},"promises":false,"deeds":[{"type":"pause","at":12,"process":0,"for":404},{"type":"call","at":51,"process":0,"key":"a","fetch":{"takes":40,"result":"interrupts itself","cleanup":0},"terms":{}},{"type":"pause","at":454,"process":0,"for":973}]},
  },
  {
    what: "who falls back, and is interrupted as it joins those who do, leaves the wrong flight",
    // deno-fmt-ignore
    scenario: {"seed":787693,"backend":"observed","halves":{"renew":false,"ready":false,"watch":false,"outcomes":false},"yields":0.2,"processes":[{"trip":[1,1],"trouble":0}],"terms":{"takeovers":0,"leaseTtl":60,"waitMax":150,"operationTimeout":50,"longestPause":100,"cacheTtl":1000000000,"coalesce":true,"bypass":false},"waitStep":25,"push":{"lost":0,"late":0},"promises":false,"deeds":[{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":412,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":9,"result":"hangs","cleanup":0},"leave":{"after":124,"how":"abort"},"terms":{}},{"type":"call","at":0,"process":0,"key":"a","fetch":{"takes":52,"result":"value","cleanup":0},"terms":{}},{"type":"pause","at":14,"process":0,"for":270},{"type":"delete","at":45,"process":0,"key":"a"},{"type":"pause","at":60,"process":0,"for":240},{"type":"pause","at":159,"process":0,"for":4},{"type":"evict","at":179,"key":"a"},{"type":"delete","at":332,"process":0,"key":"a"}]},
  },
  {
    what: "a fetch that begins as its last caller leaves isn't told",
    // deno-fmt-ignore
    scenario: {"seed":893921,"backend":"push","halves":{"renew":false,"ready":true,"watch":false,"outcomes":true},"yields":0.02,"processes":[{"trip":[0,12],"trouble":0},{"trip":[12,12],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":60,"waitMax":2000,"operationTimeout":1000,"longestPause":320,"cacheTtl":0,"coalesce":true,"bypass":false},"waitStep":80,"push":{"lost":0,"late":0},"promises":false,"deeds":[{"type":"pause","at":7,"process":1,"for":101},{"type":"call","at":20,"process":1,"key":"b","fetch":{"takes":1,"result":"value","cleanup":0},"leave":{"after":21,"how":"interrupt"},"terms":{}},{"type":"call","at":53,"process":1,"key":"a","fetch":{"takes":0,"result":"value","cleanup":0},"leave":{"after":48,"how":"interrupt"},"terms":{}},{"type":"pause","at":147,"process":1,"for":46},{"type":"pause","at":399,"process":0,"for":12}]},
  },
  {
    what: "halves that can't look behind their lease fail who comes while they let go of it",
    // deno-fmt-ignore
    scenario: {"seed":375583,"backend":"halves","halves":{"renew":true,"ready":false,"watch":false,"outcomes":true},"yields":0,"processes":[{"trip":[0,12],"trouble":0.1}],"terms":{"takeovers":1,"leaseTtl":300,"waitMax":150,"operationTimeout":50,"longestPause":10,"cacheTtl":15,"coalesce":true,"bypass":false},"waitStep":25,"push":{"lost":0,"late":0},"promises":false,"deeds":[{"type":"call","at":29,"process":0,"key":"b","fetch":{"takes":150,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":60,"process":0,"key":"b","fetch":{"takes":150,"result":"value","cleanup":0},"terms":{}}]},
  },
  {
    what: "a follower falls back after a look without an answer, whose lease it may have won",
    // deno-fmt-ignore
    scenario: {"seed":6855,"backend":"halves","halves":{"renew":true,"ready":true,"watch":false,"outcomes":true},"yields":0,"processes":[{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0.3},{"trip":[1,1],"trouble":0.3}],"terms":{"takeovers":1,"leaseTtl":60,"waitMax":2000,"operationTimeout":120,"longestPause":10,"cacheTtl":15,"coalesce":true,"bypass":false},"waitStep":10,"push":{"lost":0,"late":0},"promises":false,"pushless":false,"deeds":[{"type":"call","at":3,"process":0,"key":"a","fetch":{"takes":400,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":60,"process":2,"key":"a","fetch":{"takes":400,"result":"value","cleanup":0},"terms":{}}]},
  },
  {
    what: "who leaves while its acquire fails waits for a bypass of its process",
    // deno-fmt-ignore
    scenario: {"seed":3,"backend":"push","halves":{"renew":true,"ready":false,"watch":false,"outcomes":true},"yields":0,"processes":[{"trip":[1,1],"trouble":0.3},{"trip":[1,1],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":90,"waitMax":600,"operationTimeout":1000,"longestPause":25,"cacheTtl":1000000000,"coalesce":true,"bypass":true},"pause":25,"waitStep":25,"push":{"lost":1,"late":0},"promises":false,"pushless":true,"deeds":[{"type":"call","at":0,"process":1,"key":"a","fetch":{"takes":5000,"result":"value","cleanup":0},"terms":{}},{"type":"call","at":5,"process":0,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{},"leave":{"after":150,"how":"interrupt"}},{"type":"call","at":9,"process":0,"key":"a","fetch":{"takes":10,"result":"hangs","cleanup":0},"terms":{"waitMax":30},"leave":{"after":20000,"how":"interrupt"}}]},
  },
  {
    what: "a refresh that comes as many keys are read has the old entry of its key",
    // deno-fmt-ignore
    scenario: {"seed":97000849,"backend":"push","halves":{"renew":false,"ready":false,"watch":true,"outcomes":true},"yields":0,"processes":[{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0},{"trip":[1,1],"trouble":0}],"terms":{"takeovers":0,"leaseTtl":300,"waitMax":150,"operationTimeout":50,"longestPause":40,"cacheTtl":1000,"coalesce":true,"bypass":false,"staleIfError":0},"waitStep":10,"push":{"lost":0,"late":0},"promises":false,"pushless":false,"deeds":[{"type":"set","at":0,"process":0,"key":"b"},{"type":"batch","at":54,"process":5,"terms":{"takeovers":3,"refresh":false},"keys":["a","c","d"],"leavesOut":[],"maxBatch":2,"fetch":{"takes":0,"result":"value","cleanup":0}},{"type":"batch","at":56,"process":1,"terms":{"refresh":false},"keys":["b","d"],"leavesOut":[],"maxBatch":100,"fetch":{"takes":3,"result":"value","cleanup":0}},{"type":"call","at":60,"process":0,"key":"b","fetch":{"takes":45,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"batch","at":63,"process":3,"terms":{"refresh":false},"keys":["a","b","c","d"],"leavesOut":[],"maxBatch":2,"fetch":{"takes":5,"result":"value","cleanup":0}},{"type":"batch","at":69,"process":3,"terms":{"refresh":false},"keys":["a"],"leavesOut":[],"maxBatch":2,"fetch":{"takes":0,"result":"value","cleanup":0}},{"type":"batch","at":74,"process":3,"terms":{"coalesce":false,"refresh":false},"keys":["a","b"],"leavesOut":[],"maxBatch":100,"fetch":{"takes":0,"result":"value","cleanup":0}},{"type":"batch","at":77,"process":5,"terms":{"cacheTtl":0,"refresh":false},"keys":["a","d"],"leavesOut":[],"maxBatch":100,"fetch":{"takes":1,"result":"value","cleanup":0}},{"type":"call","at":78,"process":5,"key":"b","fetch":{"takes":45,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"batch","at":78,"process":5,"terms":{"refresh":false},"keys":["b","a","c","d"],"leavesOut":[],"maxBatch":2,"fetch":{"takes":5,"result":"value","cleanup":0}}],"together":true},
  },
  {
    what: "a fetch of many keys goes on for who has joined one of them when the others are left",
    // deno-fmt-ignore
    scenario: {"seed":6,"backend":"push","halves":{"renew":true,"ready":false,"watch":false,"outcomes":true},"yields":0,"processes":[{"trip":[1,1],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":300,"waitMax":2000,"operationTimeout":120,"longestPause":40,"cacheTtl":1000,"coalesce":true,"bypass":false},"waitStep":10,"push":{"lost":0,"late":0},"promises":false,"pushless":false,"deeds":[{"type":"batch","at":0,"process":0,"leave":{"after":30,"how":"interrupt"},"terms":{},"keys":["a","b"],"leavesOut":[],"maxBatch":100,"fetch":{"takes":100,"result":"value","cleanup":0}},{"type":"call","at":10,"process":0,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{}}],"together":false},
  },
  {
    what: "a wait of no time ends at once, without one more look",
    // deno-fmt-ignore
    scenario: {"seed":3670,"backend":"poll","halves":{"renew":true,"ready":false,"watch":false,"outcomes":true},"yields":0,"processes":[{"trip":[0,0],"trouble":0},{"trip":[0,0],"trouble":0},{"trip":[0,0],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":90,"waitMax":0,"operationTimeout":50,"longestPause":40,"cacheTtl":1000000000,"coalesce":true,"bypass":false},"waitStep":10,"push":{"lost":0,"late":0},"promises":false,"pushless":false,"deeds":[{"type":"call","at":0,"process":2,"key":"a","fetch":{"takes":231,"result":"hangs","cleanup":0},"leave":{"after":44,"how":"interrupt"},"failingHook":"onFollowerWait","terms":{}},{"type":"call","at":0,"process":1,"key":"a","fetch":{"takes":72,"result":"value","cleanup":0},"terms":{}}]},
  },
  {
    what: "who joins a call whose client is closed doesn't know that there is a stale value",
    // deno-fmt-ignore
    scenario: {"seed":99013086,"backend":"push","halves":{"renew":true,"ready":true,"watch":true,"outcomes":true},"yields":0,"processes":[{"trip":[1,2],"trouble":0},{"trip":[0,2],"trouble":0}],"terms":{"takeovers":2,"leaseTtl":90,"waitMax":600,"operationTimeout":1000,"longestPause":100,"cacheTtl":60,"coalesce":true,"bypass":false,"fetchTimeout":40,"staleWhileRevalidate":0,"staleIfError":2000,"errorBackoff":100,"l1":100},"waitStep":25,"push":{"lost":0,"late":0},"promises":false,"pushless":false,"deeds":[{"type":"set","at":0,"process":0,"key":"a"},{"type":"call","at":70,"process":1,"key":"a","fetch":{"takes":5,"result":"fails","cleanup":0,"deaf":false},"terms":{}},{"type":"call","at":71,"process":0,"key":"a","fetch":{"takes":5,"result":"fails","cleanup":0,"deaf":false},"terms":{}},{"type":"close","at":74,"process":1,"each":1},{"type":"call","at":75,"process":1,"key":"a","fetch":{"takes":40,"result":"fails","cleanup":0,"deaf":false},"terms":{}}]},
  },
  {
    what: "a refresh joins another that has just found what another process had stored before",
    // deno-fmt-ignore
    scenario: {"seed":49,"backend":"push","halves":{"renew":true,"ready":true,"watch":false,"outcomes":true},"yields":0.2,"processes":[{"trip":[1,6],"trouble":0},{"trip":[1,6],"trouble":0}],"terms":{"takeovers":1,"leaseTtl":90,"waitMax":2000,"operationTimeout":1000,"longestPause":10,"cacheTtl":2000,"coalesce":true,"bypass":false},"pause":0,"waitStep":10,"push":{"lost":0,"late":0},"promises":false,"pushless":false,"deeds":[{"type":"set","at":0,"process":0,"key":"a"},{"type":"call","at":20,"process":1,"key":"a","fetch":{"takes":30,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":30,"process":0,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"pause","at":69,"process":0,"for":40},{"type":"call","at":100,"process":0,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":101,"process":0,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":102,"process":0,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":103,"process":0,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":104,"process":0,"key":"a","fetch":{"takes":5,"result":"value","cleanup":0},"terms":{"refresh":true}}]},
  },
  {
    what: "a client with spans is closed once a lease that came late is let go of",
    // deno-fmt-ignore
    scenario: {"seed":101070959,"backend":"push","halves":{"renew":true,"ready":true,"watch":true,"outcomes":true},"yields":0.2,"processes":[{"trip":[0,5],"trouble":0.3},{"trip":[0,5],"trouble":0.3}],"terms":{"takeovers":2,"leaseTtl":90,"waitMax":150,"operationTimeout":1000,"longestPause":10,"cacheTtl":300,"coalesce":true,"bypass":false,"staleIfError":0,"l1":100},"pause":0,"waitStep":10,"push":{"lost":1,"late":10},"promises":true,"pushless":false,"deeds":[{"type":"set","at":0,"process":0,"key":"a"},{"type":"call","at":35,"process":0,"key":"a","fetch":{"takes":61,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":37,"process":0,"key":"a","fetch":{"takes":61,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":38,"process":0,"key":"a","fetch":{"takes":61,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":39,"process":0,"key":"a","fetch":{"takes":61,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":73,"process":0,"key":"a","fetch":{"takes":61,"result":"value","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":80,"process":1,"key":"a","fetch":{"takes":91,"result":"throws","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":90,"process":0,"key":"a","fetch":{"takes":190,"result":"fails","cleanup":0},"terms":{"refresh":true}},{"type":"expire","at":93,"process":1,"key":"a"},{"type":"call","at":96,"process":1,"key":"a","fetch":{"takes":91,"result":"throws","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":106,"process":0,"key":"a","fetch":{"takes":190,"result":"fails","cleanup":0},"terms":{"refresh":true}},{"type":"set","at":107,"process":1,"key":"a"},{"type":"call","at":109,"process":1,"key":"a","fetch":{"takes":91,"result":"throws","cleanup":0},"terms":{"refresh":true}},{"type":"call","at":111,"process":0,"key":"a","fetch":{"takes":190,"result":"fails","cleanup":0},"terms":{"refresh":true}},{"type":"close","at":180,"process":0,"each":2}],"traced":[true,false]},
  },
];

/** Seeds of millions that once broke a promise with one of the Effects, or were wrongly said to. */
// deno-fmt-ignore
export const failedOnce: readonly number[] = [
  2334, 4256, 5922, 7003, 23788, 24994, 28772, 32586, 34138, 35561, 36761, 38637, 41698, 44270, 45197, 48257,
  56278, 84121, 88503, 127740, 135672, 169386, 186797, 206629, 219377, 251874, 266561, 285843, 291258, 338000, 346299,
  375583, 396316, 399064, 407749, 421129, 467972, 475634, 523431, 541435, 555599, 555885, 585049, 587404, 590018, 600718,
  602600, 632618, 643085, 669111, 704503, 723129, 736501, 787693, 818774, 893921, 2077423, 2271255, 2552068, 2592914, 4459815, 4904352,
  21003665, 21004101, 21006368, 21009122, 22001802, 22011480, 23000137, 23004842, 743, 3790, 1700713, 1704938, 1302763, 1305156, 1300041, 1407135, 31005861, 40063, 51695, 61728, 68855, 12097948, 13002315, 13011756, 13017604, 13095897, 512802, 701617, 703772, 800580, 804204,
  32035621, 41046724, 41050866, 42017685, 45012311, 43009709, 43010643, 43019535, 44013176, 45017009, 44040589, 43051735, 44049340, 43063455, 43103311, 43105197, 43105480, 43150282, 44150337, 43159156, 46007229, 46008295, 46012515, 46047194, 46047775, 47029203, 47045550, 49003347, 50011633, 51045605, 52037410, 834096, 75001016, 76000234, 75006057, 74003090, 74006528, 80000906, 77003350, 76006586, 85042139, 85043929, 85020658, 86001430, 85006815, 85013733, 83004019, 11293, 6903, 6472, 71035407, 70051186, 70042204, 68007648, 69043749, 69009079, 68053607, 69017859, 69036215, 68024540, 68049186, 68052730, 68005335, 66008256, 66038939, 66045498, 67006841, 67008539, 67009138, 67015989, 64014974, 64020973, 64033838, 65002186, 64006473, 64018106, 9537, 63001094, 63006353, 63007102, 62012921, 62013071, 61000115, 60006672, 700259, 58020543, 11509, 58000610, 58001231, 58009549, 56028210, 53008223, 53021894, 53029130, 96000273, 97000849, 97009351, 97009395, 98003041, 99037261, 99013086, 99024236, 99000951, 101018186, 101023971, 101070826, 101070959,
];
