import { withoutServer } from "../../support/address.ts";
import { sharedFailures } from "../../support/shared_failures.ts";
import { memcachedUrl } from "./clients.ts";

sharedFailures("memcached", {
  skip: memcachedUrl === undefined ? withoutServer("MEMCACHED_URL") : false,
  connection: "memcached/connection",
  place: { url: memcachedUrl! },
});
