import { withoutServer } from "../../support/address.ts";
import { terminatedLeader } from "../../support/terminated_leader.ts";
import { redisUrl } from "./clients.ts";

const skip = redisUrl === undefined ? withoutServer("REDIS_URL") : false;

for (const library of [undefined, "redis5"]) {
  const place = { url: redisUrl!, library };
  const name = library === undefined ? "Redis" : `Redis, by ${library}`;
  terminatedLeader(name, { skip, connection: "redis/connection", place });
}
