import { after } from "node:test";
import { sharedFailures } from "../../support/shared_failures.ts";
import { type Folder, newFolder, skip } from "./clients.ts";

const folder: Folder | undefined = skip ? undefined : newFolder();
after(() => folder?.remove());

sharedFailures("SQLite", {
  skip,
  connection: "sqlite/connection",
  own: true,
  place: { url: folder?.file("down.db") ?? "" },
});
