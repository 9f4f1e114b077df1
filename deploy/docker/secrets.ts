// Prints the secrets that docker-compose.yml wants, as an .env file: `npm run -s secrets > .env`.
import { generateSecrets } from "../local/secrets.ts";

const secrets = await generateSecrets();
process.stdout.write(`KEY_TAG_SECRET='${secrets.keyTagSecret}'
ADMIN_KEY='${secrets.adminKey}'
RECEIPT_SECRET='${secrets.receiptSecret}'
PASSPORT_PRIVATE_JWK='${JSON.stringify(secrets.passportPrivateJwk)}'
PASSPORT_PUBLIC_JWK='${JSON.stringify(secrets.passportPublicJwk)}'
`);
