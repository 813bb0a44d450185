import { createServer, type IncomingMessage } from "node:http";

/** A way to DynamoDB on which can be seen what is asked, and which can go wrong. */
export interface Proxy {
  readonly url: string;
  /** What was asked, by the operations' names. */
  readonly operations: string[];
  /** What happens to what is asked from now on; all of it gets there by default. */
  trouble: Trouble;
}

/** What happens to requests and replies. */
export interface Trouble {
  /** The name of the error that is the answer to an operation; or that its reply is lost, and what it did isn't. */
  readonly fails?: (operation: string) => string | undefined;
  /** What an operation waits for on its way, even if its client has gone by then. */
  readonly waits?: (operation: string) => Promise<unknown> | undefined;
  /** By how many milliseconds the server's clock is ahead, as its replies tell it; undefined: they don't. */
  readonly ahead?: number | undefined;
}

/** What {@linkcode Trouble.fails} says of a reply that is lost. */
export const LOST = "lost";

/** Opens the way. It doesn't keep the process alive. */
export async function openProxy(upstream: string): Promise<Proxy> {
  const server = createServer(async (request, response) => {
    const operation = String(request.headers["x-amz-target"]).replace(/.*\./, "");
    proxy.operations.push(operation);
    const { fails, waits, ahead } = proxy.trouble;
    const body = await bodyOf(request);
    if (body === undefined) return;
    const failure = fails?.(operation);
    if (failure !== undefined && failure !== LOST) {
      const error = { __type: `com.amazonaws.dynamodb.v20120810#${failure}`, message: "no" };
      response.writeHead(400, { "content-type": "application/x-amz-json-1.0" });
      return response.end(JSON.stringify(error));
    }
    await waits?.(operation);
    const headers: Record<string, string> = {};
    for (const name of ["authorization", "content-type", "x-amz-date", "x-amz-target"]) {
      headers[name] = String(request.headers[name]);
    }
    const reply = await fetch(upstream, { method: "POST", headers, body });
    const text = await reply.text();
    if (failure === LOST) return request.socket.destroy();
    response.sendDate = false;
    response.writeHead(reply.status, {
      "content-type": "application/x-amz-json-1.0",
      ..."ahead" in proxy.trouble && ahead === undefined
        ? {}
        : { date: new Date(Date.parse(reply.headers.get("date")!) + (ahead ?? 0)).toUTCString() },
    });
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const address = server.address();
  const port = typeof address === "object" ? address!.port : 0;
  const proxy: Proxy = { url: `http://127.0.0.1:${port}`, operations: [], trouble: {} };
  return proxy;
}

/** What was sent; undefined if the client has gone meanwhile. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  let body = "";
  try {
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    return body;
  } catch {
    return undefined;
  }
}
