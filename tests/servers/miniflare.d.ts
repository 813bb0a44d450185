/** What is used of Miniflare; its own types bring others of Node's along. */
export class Miniflare {
  constructor(options: Readonly<Record<string, unknown>>);
  readonly ready: Promise<URL>;
  dispose(): Promise<void>;
}
