import { createServer } from "node:net";

/** A loopback port that is free now. Somebody may take it before it is used; then the user of it says so. */
export function findFreePort(): Promise<number> {
  return listenOnce(0);
}

/** @throws Error that says what to do when another process listens on `port`. */
export async function assertPortFree(port: number, variable: string): Promise<void> {
  try {
    await listenOnce(port);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new Error(
      `Port ${port} is in use. Stop what listens there, or choose another: ${variable}=${port + 1} npm start`,
      { cause: error },
    );
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no TCP address"));
        else resolve(address.port);
      });
    });
  });
}
