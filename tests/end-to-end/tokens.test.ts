import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { importJWK, type JWK, SignJWT } from "jose";
import OpenAI from "openai";
import { expect, inject, it } from "vitest";

const root = path.join(import.meta.dirname, "../..");
const { baseUrl, demoIssuer, model } = inject("stack");

async function signFor(subject: string, audience = demoIssuer.audience): Promise<string> {
  const jwk = JSON.parse(await readFile(demoIssuer.privateKeyFile, "utf8")) as JWK & { readonly kid: string };
  return new SignJWT()
    .setProtectedHeader({ alg: "EdDSA", kid: jwk.kid })
    .setIssuer(demoIssuer.issuer)
    .setAudience(audience)
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime("5 minutes")
    .sign(await importJWK(jwk, "EdDSA"));
}

it("an SDK streams with a token of the demo issuer in place of a key", async () => {
  const client = new OpenAI({ baseURL: baseUrl, apiKey: await signFor("ann"), maxRetries: 0 });
  const messages = [{ role: "user", content: "Count from 1 to 5." }] as const;
  const stream = await client.chat.completions.create({ model, stream: true, temperature: 0, messages: [...messages] });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  expect(text).toContain("5");
});

it("what docs/identity.md shows signs such a token", async () => {
  const page = await readFile(path.join(root, "docs/identity.md"), "utf8");
  const [, program = ""] = /```js\n(.*?)```/s.exec(page) ?? [];
  expect(program).toContain(".sluice/stack.json");
  const shown = program.replace(".sluice/stack.json", path.join(inject("stateDir"), "stack.json"));
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", shown], {
    cwd: root,
  });
  const client = new OpenAI({ baseURL: baseUrl, apiKey: stdout.trim(), maxRetries: 0 });
  expect((await client.models.list()).data.map(({ id }) => id)).toContain(model);
});

it("its holder is told what is wrong with a token that was signed", async () => {
  const jwk = JSON.parse(await readFile(demoIssuer.privateKeyFile, "utf8")) as JWK & { readonly kid: string };
  const token = await new SignJWT({ iss: demoIssuer.issuer, aud: demoIssuer.audience })
    .setProtectedHeader({ alg: "EdDSA", kid: jwk.kid })
    .setIssuedAt()
    .setExpirationTime("5 minutes")
    .sign(await importJWK(jwk, "EdDSA"));
  const client = new OpenAI({ baseURL: baseUrl, apiKey: token, maxRetries: 0 });
  await expect(client.models.list()).rejects.toMatchObject({
    code: "invalid_token",
    message: "401 The token is not valid here: no tenant or project follows from its 'sub'.",
  });
});

it("a token for another audience is refused", async () => {
  const client = new OpenAI({ baseURL: baseUrl, apiKey: await signFor("ann", "elsewhere"), maxRetries: 0 });
  await expect(client.models.list()).rejects.toMatchObject({ status: 401, code: "invalid_token" });
});
