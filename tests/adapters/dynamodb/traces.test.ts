import { traces } from "../../support/traces.ts";
import { dynamodbUrl, skip } from "./clients.ts";

traces("DynamoDB", { skip, connection: "dynamodb/connection", place: { url: dynamodbUrl! } });
