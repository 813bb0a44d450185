import { createCache } from "cache-locking/promise";

const users = createCache({ adapter: "memory", cacheTtl: "5 minutes", waitMax: "2 seconds" });

const user = await users.getOrSet("user:42", async () => ({ name: "Ada" }));
await users.set("user:42", { name: "Grace" });
const { value, meta } = await users.getOrSetResult("user:42", async () => ({ name: "Ada" }));
await users.delete("user:42");

console.log([user.name, value.name, meta.cache]); // [ "Ada", "Grace", "HIT" ]
