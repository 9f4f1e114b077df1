import { readFile } from "node:fs/promises";
import { importJWK, type JWK, SignJWT } from "jose";
import OpenAI from "openai";
import { expect, inject, it } from "vitest";

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

it("a token for another audience is refused", async () => {
  const client = new OpenAI({ baseURL: baseUrl, apiKey: await signFor("ann", "elsewhere"), maxRetries: 0 });
  await expect(client.models.list()).rejects.toMatchObject({ status: 401, code: "invalid_token" });
});
