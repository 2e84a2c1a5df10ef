// Signs a body with the Standard Webhooks library, and posts it.
import { randomUUID } from "node:crypto";
import { Webhook } from "standardwebhooks";

const { AMPORA_URL: url, AMPORA_SECRET: secret, AMPORA_BODY: body } = process.env;
const id = `msg_${randomUUID()}`;
const now = new Date();
const response = await fetch(url, {
  method: "POST",
  body,
  headers: {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign(id, now, body),
  },
});
console.log(JSON.stringify({ status: response.status, body: await response.json() }));
