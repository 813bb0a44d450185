import process from "node:process";

/** True where a missing server is a failure and not a reason to skip: `BACKENDS=required`. */
export const backendsRequired: boolean = process.env.BACKENDS === "required";

/** The variable that has a backend's address: `redis` is at `REDIS_URL`. */
export function variableOf(backend: string): string {
  return `${backend.toUpperCase().replaceAll("-", "_")}_URL`;
}
