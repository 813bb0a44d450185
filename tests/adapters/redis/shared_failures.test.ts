import { withoutServer } from "../../support/address.ts";
import { sharedFailures } from "../../support/shared_failures.ts";
import { redisUrl } from "./clients.ts";

const skip = redisUrl === undefined ? withoutServer("REDIS_URL") : false;

sharedFailures("Redis", {
  skip,
  connection: "redis/connection",
  place: { url: redisUrl! },
});
