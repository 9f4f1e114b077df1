// Gives the bench's key to its gate, which the admin API would do by way of the directory, and the bench has no D1.
interface Gate extends Rpc.DurableObjectBranded {
  provision(record: { readonly keyId: string }): Promise<void>;
}

export default {
  async fetch(request: Request, { KEY_GATE }: { readonly KEY_GATE: DurableObjectNamespace<Gate> }): Promise<Response> {
    const record = await request.json<{ readonly keyId: string }>();
    await KEY_GATE.getByName(record.keyId).provision(record);
    return new Response("provisioned");
  },
};
