import { sharedFailures } from "../../support/shared_failures.ts";
import { dynamodbUrl, skip } from "./clients.ts";

sharedFailures("DynamoDB", {
  skip,
  connection: "dynamodb/connection",
  place: { url: dynamodbUrl! },
});
