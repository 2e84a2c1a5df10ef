// Signs a body with the library that GitHub publishes for it, and posts it as GitHub does.
import { randomUUID } from "node:crypto";
import { sign } from "@octokit/webhooks-methods";

const { AMPORA_URL: url, AMPORA_SECRET: secret, AMPORA_BODY: body } = process.env;
const response = await fetch(url, {
  method: "POST",
  body,
  headers: {
    "content-type": "application/json",
    "user-agent": "GitHub-Hookshot/test",
    "x-github-event": "push",
    "x-github-delivery": randomUUID(),
    "x-hub-signature-256": await sign(secret, body),
  },
});
console.log(JSON.stringify({ status: response.status, body: await response.json() }));
