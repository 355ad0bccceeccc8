// A program that uses the client generated from docs/openapi.yaml by openapi-typescript and openapi-fetch.
// tests/worker/generated-client.test.mjs compiles and runs it. Each wrong use in it has to be a compile error.

import createClient from "openapi-fetch";
import type { components, paths } from "openapi-schema";

type BatchRequest = components["schemas"]["BatchRequest"];
type Problem = components["schemas"]["Problem"];

const clientOf = (baseUrl: string) => createClient<paths>({ baseUrl });

/** Returns the size and format of one image, or the problem. */
export async function image(baseUrl: string, path: string) {
  const { data, error } = await clientOf(baseUrl).GET("/metadata/{path}", { params: { path: { path } } });
  if (error) return problem(error);
  const { width, height, format } = data.metadata;
  // @ts-expect-error The format is absent if it is unknown.
  const text: string = format;
  // @ts-expect-error Only a request with crop parameters returns a crop.
  data.transform;
  return { path: data.path, width, height, format };
}

/** Returns the crop of one image at a ratio. */
export async function crop(baseUrl: string, path: string, aspect: string) {
  const query = { aspect, focal: "0.5,0.3", width: 800, allowExpansion: false };
  const { data } = await clientOf(baseUrl).GET("/metadata/{path}", { params: { path: { path }, query } });
  if (data === undefined || !("aspectCrop" in data)) return undefined;
  return { dimensions: data.dimensions, crop: data.aspectCrop, transform: data.transform };
}

/** Returns the result of each image of a batch with a ratio. The `status` of a result determines its other fields. */
export async function batch(baseUrl: string, images: string[]) {
  const body = { paths: images, aspect: { width: 1, height: 1 }, focalPoint: { x: 0.5, y: 0.5 } };
  const { data, error } = await clientOf(baseUrl).POST("/metadata", { body });
  if (error) return problem(error);
  return data.results.map((result) => {
    // @ts-expect-error A failure has no metadata.
    result.metadata;
    if (result.status === 200) {
      // @ts-expect-error A success has no problem.
      result.problem;
      return { path: result.path, width: result.metadata.width, transform: "transform" in result ? result.transform : undefined };
    }
    // @ts-expect-error There is no such status.
    if (result.status === 418) return { path: result.path };
    const { status, code } = result.problem;
    return { path: result.path, status: result.status === status ? status : undefined, code };
  });
}

/** Returns the path and query of a version of an image. A path parameter is encoded as a whole, so only a batch can have a query. */
export async function version(baseUrl: string, image: string) {
  const { data } = await clientOf(baseUrl).POST("/metadata", { body: { paths: [image] } });
  return data?.results.map(({ status, path, query }) => ({ status, path, query }));
}

/** Returns the origins of the service. */
export async function origins(baseUrl: string) {
  const { data } = await clientOf(baseUrl).GET("/health");
  return data?.origins.map(({ kind, prefix }) => {
    // @ts-expect-error There is no such kind.
    if (kind === "disk") return undefined;
    return { kind, prefix };
  });
}

/** Sends a batch with an unknown parameter, which `POST` itself compiles with. */
export async function withUnknownParameter(baseUrl: string) {
  const { error } = await clientOf(baseUrl).POST("/metadata", { body: { paths: ["a.jpg"], aspct: "1:1" } });
  return error && problem(error);
}

/** Purges a path and returns the number of deleted images, or the problem. */
export async function purge(baseUrl: string, path: string, token: string) {
  const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
  const { data, error } = await client.DELETE("/metadata/{path}", { params: { path: { path } } });
  return error ? problem(error) : data.purged;
}

/** Wrong uses that have to be compile errors. This function is compiled, never run. */
export async function wrong(baseUrl: string) {
  const client = clientOf(baseUrl);
  const params = { path: { path: "a.jpg" } };
  // @ts-expect-error A path is needed.
  await client.GET("/metadata/{path}");
  // @ts-expect-error There is no such route.
  await client.GET("/metadatas/{path}", { params });
  // @ts-expect-error There is no such platform.
  await client.GET("/metadata/{path}", { params: { ...params, query: { platform: "myspace" } } });
  // @ts-expect-error A width is a number.
  await client.GET("/metadata/{path}", { params: { ...params, query: { width: "800" } } });
  // @ts-expect-error A batch has paths.
  await client.POST("/metadata", { body: { aspect: "1:1" } });
  // @ts-expect-error There is no such parameter.
  await client.POST("/metadata", { body: { paths: ["a.jpg"], aspct: "1:1" } satisfies BatchRequest });
  const { error } = await client.GET("/metadata/{path}", { params });
  // @ts-expect-error There is no such code.
  return error?.code === "not_found";
}

const problem = ({ status, code, instance }: Problem) => ({ status, code, instance });

