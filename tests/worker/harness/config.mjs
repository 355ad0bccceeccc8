/**
 * Formats workerd's configuration as Cap'n Proto text. The schema is workerd.capnp in the npm package `workerd`.
 *
 * A service is `{ name, modules, bindings, globalOutbound?, compatibilityDate, compatibilityFlags }` or
 * `{ name, external, proxy? }`; a socket `{ name, service, entrypoint? }`.
 */
export function capnp({ services, sockets, cfHeader, v8Flags = [] }) {
  return [
    'using Workerd = import "/workerd/workerd.capnp";',
    "const config :Workerd.Config = (",
    `  services = ${list(services.map((service) => (service.external ? external(service, cfHeader) : worker(service))))},`,
    `  sockets = ${list(sockets.map(socket))},`,
    "  logging = (structuredLogging = true),",
    `  v8Flags = ${list(v8Flags.map(text))},`,
    ");",
    "",
  ].join("\n");
}

function external({ name, external: address, proxy }, cfHeader) {
  const http = proxy ? `(style = proxy, cfBlobHeader = ${text(cfHeader)})` : "()";
  return `(name = ${text(name)}, external = (address = ${text(address)}, http = ${http}))`;
}

function worker({ name, modules, bindings, globalOutbound, compatibilityDate, compatibilityFlags = [] }) {
  const fields = [
    `modules = ${list(modules.map(module))}`,
    `compatibilityDate = ${text(compatibilityDate)}`,
    `compatibilityFlags = ${list(compatibilityFlags.map(text))}`,
    `bindings = ${list(bindings.map(binding))}`,
  ];
  if (globalOutbound) fields.push(`globalOutbound = ${text(globalOutbound)}`);
  return `(name = ${text(name)}, worker = (${fields.join(", ")}))`;
}

function module({ name, kind, file, source }) {
  return `(name = ${text(name)}, ${kind} = ${file ? `embed ${text(file)}` : text(source)})`;
}

function binding({ name, kvNamespace, r2Bucket, analyticsEngine, queue, service, entrypoint, wrapped, json, value }) {
  return `(name = ${text(name)}, ${content()})`;

  function content() {
    if (kvNamespace !== undefined) return `kvNamespace = ${text(kvNamespace)}`;
    if (r2Bucket !== undefined) return `r2Bucket = ${text(r2Bucket)}`;
    if (analyticsEngine !== undefined) return `analyticsEngine = ${text(analyticsEngine)}`;
    if (queue !== undefined) return `queue = ${text(queue)}`;
    if (service !== undefined) return `service = ${designator(service, entrypoint)}`;
    if (wrapped !== undefined) return wrapper(wrapped);
    if (json !== undefined) return `json = ${text(JSON.stringify(json))}`;
    return `text = ${text(value)}`;
  }
}

/** A binding whose API is a module of the runtime, which sends its requests to a service. */
function wrapper({ module, service }) {
  return `wrapped = (moduleName = ${text(module)}, innerBindings = [(name = "fetcher", service = ${text(service)})])`;
}

function socket({ name, service, entrypoint }) {
  return `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${designator(service, entrypoint)})`;
}

function designator(service, entrypoint) {
  return entrypoint ? `(name = ${text(service)}, entrypoint = ${text(entrypoint)})` : text(service);
}

function list(items) {
  return `[${items.join(", ")}]`;
}

function text(string) {
  return `"${string.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t")}"`;
}
