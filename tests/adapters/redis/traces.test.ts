import { withoutServer } from "../../support/address.ts";
import { traces } from "../../support/traces.ts";
import { redisUrl } from "./clients.ts";

const skip = redisUrl === undefined ? withoutServer("REDIS_URL") : false;

traces("Redis", { skip, connection: "redis/connection", place: { url: redisUrl! } });
