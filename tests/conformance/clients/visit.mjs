// What every client does with a server, written once for both generations of the TypeScript SDK.

/**
 * Use everything a server has and return what was seen, for the test to judge.
 *
 * @param client a connected client of either generation
 * @param callTool how this generation calls a tool: (name, arguments, onprogress) => result
 * @param prospect whom to prepare a call with; nobody has asked about them yet
 */
export async function visit(client, callTool, prospect) {
  const seen = { revision: client.getNegotiatedProtocolVersion?.() ?? null };

  seen.server = client.getServerVersion()?.name;
  seen.instructions = client.getInstructions() ?? "";
  const { tools } = await client.listTools();
  seen.tools = tools.map((tool) => tool.name);

  seen.progress = [];
  const prepared = await callTool("prepare_call", { prospect }, (told) => seen.progress.push(told));
  seen.prepared = prepared;
  seen.refused = await callTool("get_enrichment", { job_id: "job_of_nobody" });

  const uri = prepared.structuredContent.resource_uri;
  const read = await client.readResource({ uri });
  seen.resource = { uri: read.contents[0].uri, card: JSON.parse(read.contents[0].text) };
  seen.missing = await codeOf(client.readResource({ uri: "battlecard://nobody@unknown.example" }));
  const { resources } = await client.listResources();
  seen.resources = resources.map((resource) => resource.uri);
  const { resourceTemplates } = await client.listResourceTemplates();
  seen.templates = resourceTemplates.map((template) => template.uriTemplate);

  const { prompts } = await client.listPrompts();
  seen.prompts = prompts.map((prompt) => prompt.name);
  const asked = await client.getPrompt({ name: "call_prep", arguments: { email: prospect } });
  seen.prompt = asked.messages;
  seen.unknownPrompt = await codeOf(client.getPrompt({ name: "no_such_prompt" }));

  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "call_prep" },
    argument: { name: "email", value: prospect.slice(0, 4) },
  });
  seen.completed = completion.values;
  return seen;
}

async function codeOf(asked) {
  try {
    await asked;
    return null;
  } catch (error) {
    return error.code;
  }
}
