import { connect } from "./connection.ts";
import { s3Adapter } from "../../../adapters/s3.ts";
import { counted } from "../../support/fuzz/damage.ts";
import { damagedBodies } from "../../support/fuzz/damaged_bodies.ts";
import { fuzz } from "../../support/fuzz.ts";
import { bucket, clientOf, foreignObjects, loadSdk, objectsOf, s3Url, skip } from "./clients.ts";

fuzz("s3", {
  async damaged() {
    const sdk = await loadSdk();
    const clients = [1, 2, 3].map(() => clientOf(sdk, s3Url!));
    const [one, two, admin] = clients;
    const { client, requests } = counted(one!, /^send$/);
    const { get, put } = objectsOf(sdk, admin!);
    return {
      stores: [s3Adapter({ client: client as never, bucket }), s3Adapter({ client: two!, bucket })],
      requests,
      damage: damagedBodies({ read: get, write: put }),
      close: () => clients.forEach((client) => client.destroy()),
    };
  },
  skip,
  open: (codec) => connect({ url: s3Url!, codec }),
  hand: foreignObjects,
});
