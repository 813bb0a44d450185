/** Serves DynamoDB on a port of the loopback, by dynalite: with a folder as second argument its tables are kept there. */
import process from "node:process";
// @ts-types="./dynalite.d.ts"
import dynalite from "dynalite";
// @ts-types="./dynalite_db.d.ts"
import db from "dynalite/db/index.js";

// It drops `ReturnValuesOnConditionCheckFailure`, by which DynamoDB is asked for the item that was in the way.
const { checkConditional } = db;
db.checkConditional = (request, item) => {
  const failure = checkConditional(request, item);
  if (failure && item) failure.body.Item = item;
  return failure;
};

const [port, path] = process.argv.slice(2);
const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0, path });
// Its own listener throws where a client hangs up in the middle of a request, which would end the server.
server.on("request", (request) => {
  request.removeAllListeners("error");
  request.on("error", () => {});
});
server.listen(Number(port), "127.0.0.1");
