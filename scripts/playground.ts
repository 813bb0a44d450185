/** Builds docs/playground/, and serves it: `deno task playground`. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { orExit, readArguments, wholeNumber } from "./arguments.ts";
import { buildPlayground } from "./playground/build.ts";

const { values } = readArguments({
  name: "playground",
  does: "Builds a page in .cache/playground/, with a herd to play with, and serves it.",
  options: {
    port: { type: "string", value: "N", default: "8042", help: "the port; 0 is a free one" },
    build: { type: "boolean", help: "build it, and don't serve it" },
  },
});
const port = orExit(() => wholeNumber("--port", values.port, 0, 65_535));

const types: Readonly<Record<string, string>> = {
  "/index.html": "text/html",
  "/playground.css": "text/css",
  "/playground.js": "text/javascript",
};

const folder = await buildPlayground();
console.log(`Built: ${folder}index.html`);
if (!values.build) {
  const server = createServer((request, response) => {
    const path = request.url!.split("?")[0]!;
    const file = path === "/" ? "/index.html" : path;
    const type = types[file];
    if (type === undefined) response.writeHead(404).end();
    else {
      response.writeHead(200, { "content-type": `${type}; charset=utf-8` });
      response.end(readFileSync(`${folder}${file}`));
    }
  });
  server.listen(port, "127.0.0.1", () => {
    console.log(`http://localhost:${(server.address() as AddressInfo).port}`);
  });
}
