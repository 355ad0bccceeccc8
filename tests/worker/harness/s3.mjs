import aws4 from "aws4";

/** The time by which a signature may differ from S3's clock. */
const MAX_SKEW_MS = 15 * 60 * 1000;

const STATUS = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  ExpiredToken: 400,
  InvalidAccessKeyId: 403,
  InvalidToken: 400,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  Unauthorized: 401,
};

/**
 * A fake of S3 with one bucket, for `origin.on(s3.responder())`. It verifies the signature of each request with the npm package
 * `aws4`, from the request as it arrived, and serves objects, whole or in ranges.
 *
 * The bucket is the first label of the host, or else the first segment of the path.
 */
export class S3 {
  bucket = "my-bucket";
  region = "eu-west-1";
  credentials = { accessKeyId: "AKIAHIDDEN", secretAccessKey: "hidden/secret+key=" };
  /** The code of an error for all requests whose signature is valid. */
  refusal;
  /** Its clock. */
  now = () => Date.now();
  objects = new Map();

  responder() {
    return (request, response) => {
      const url = new URL(request.url);
      const isInHost = url.hostname.startsWith(`${this.bucket}.`);
      // S3 decodes a `+` as a space.
      const path = decodeURIComponent(url.pathname.replaceAll("+", " ")).slice(1);
      const [bucket, ...segments] = isInHost ? [this.bucket, path] : path.split("/");
      const key = segments.join("/");
      const code = this.#unauthorized(request, url) ?? this.refusal ?? this.#missing(bucket, key);
      if (code) return fail(response, code, key);
      serve(request, response, this.objects.get(key));
    };
  }

  #missing(bucket, key) {
    if (bucket !== this.bucket) return "NoSuchBucket";
    if (!this.objects.has(key)) return "NoSuchKey";
  }

  /** Returns the code of the error if the signature is invalid. */
  #unauthorized({ method, headers }, { host, pathname, search }) {
    const { authorization } = headers;
    if (authorization === undefined) return "AccessDenied";
    const [, accessKeyId, region] = authorization.match(/Credential=([^/]*)\/\d{8}\/([^/]*)\/s3\/aws4_request,/);
    if (accessKeyId !== this.credentials.accessKeyId) return "InvalidAccessKeyId";
    if (region !== this.region) return "AuthorizationHeaderMalformed";
    if (headers["x-amz-security-token"] !== this.credentials.sessionToken) return "InvalidToken";
    const date = headers["x-amz-date"];
    const time = Date.parse(date.replace(/^(....)(..)(..T..)(..)/, "$1-$2-$3:$4:"));
    if (!(Math.abs(time - this.now()) <= MAX_SKEW_MS)) return "RequestTimeTooSkewed";
    const signed = { Host: headers.host ?? host, "X-Amz-Date": date, "X-Amz-Content-Sha256": headers["x-amz-content-sha256"] };
    const expected = aws4.sign({ service: "s3", region, method, path: pathname + search, headers: signed }, this.credentials);
    if (expected.headers.Authorization !== authorization) return "SignatureDoesNotMatch";
  }
}

function serve({ headers }, response, bytes) {
  const [, from, to] = headers.range?.match(/^bytes=(\d+)-(\d+)$/) ?? [];
  if (from === undefined) return response.writeHead(200, { "Content-Length": bytes.length, ETag: '"etag"' }).end(bytes);
  const part = bytes.subarray(Number(from), Number(to) + 1);
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`;
  response.writeHead(206, { "Content-Length": part.length, "Content-Range": range, ETag: '"etag"' }).end(part);
}

/** Responds with an error of S3. */
export function fail(response, code, key = "") {
  response.writeHead(STATUS[code], { "Content-Type": "application/xml" });
  response.end(s3Error(code, key));
}

/** The body of an error of S3. */
export function s3Error(code, key = "") {
  const escaped = key.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>S3's own words</Message><Key>${escaped}</Key></Error>`;
}
