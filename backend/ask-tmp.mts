import { readFileSync } from "node:fs"; import { createHash, randomUUID } from "node:crypto";
import { importPassportKey, signPassport } from "@sluice/shared/passport.ts";
const key = await importPassportKey(JSON.parse(readFileSync("/tmp/ing/priv.json","utf8")));
export async function ask(route: string, payload: unknown) { const body=JSON.stringify(payload);
 const p=await signPassport({rid:"req_"+randomUUID(),org:"o",key:"k",priority:0,bodySha256:createHash("sha256").update(body).digest("base64url")},"test",key,Date.now());
 return fetch("http://127.0.0.1:50992"+route,{method:"POST",headers:{"content-type":"application/json","x-sluice-passport":p},body}); }
const r=await ask("/v1/chat/completions",{model:"pocket",stream:true,stream_options:{include_usage:true},temperature:0,messages:[{role:"user",content:process.argv[2]??"Count from 1 to 20."}]});
console.log(r.status, [...r.headers]); console.log(await r.text());
const r2=await ask("/v1/chat/completions",{model:"pocket",temperature:0,messages:[{role:"user",content:process.argv[2]??"Count from 1 to 20."}]}); console.log(await r2.text());
