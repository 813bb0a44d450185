import { Buffer } from "node:buffer";
import { createServer, request as send } from "node:http";

/** What a server answered to a `GET`. */
export interface Reply {
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** A way to the server on which answers to `GET` can go wrong. */
export interface Proxy {
  readonly url: string;
  /** How many have been answered. */
  gets: number;
  /** How many waited for being asked for their bodies. */
  waiting: number;
  /** What becomes of the nth answer; `cut` closes the connection after so many bytes of its body. */
  answer: (reply: Reply, nth: number) => Reply & { readonly cut?: number };
  close(): void;
}

/** Opens the way. */
export async function openProxy(upstream: string): Promise<Proxy> {
  const server = createServer((request, response) => {
    if (request.headers.expect !== undefined) proxy.waiting++;
    const { method, url, headers } = request;
    const onward = send(new URL(url!, upstream), { method: method!, headers }, async (reply) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of reply) chunks.push(chunk);
      const headers = reply.headers as Record<string, string>;
      const body = Buffer.concat(chunks);
      const changed = method === "GET" && reply.statusCode === 200
        ? proxy.answer({ headers, body }, ++proxy.gets)
        : { headers, body };
      response.writeHead(reply.statusCode!, changed.headers);
      if (!("cut" in changed)) return response.end(changed.body);
      response.write(changed.body.subarray(0, changed.cut), () => response.destroy());
    });
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address!.port : 0;
  const proxy: Proxy = {
    url: `http://127.0.0.1:${port}`,
    gets: 0,
    waiting: 0,
    answer: (reply) => reply,
    close() {
      server.close();
      server.closeAllConnections?.();
    },
  };
  return proxy;
}
