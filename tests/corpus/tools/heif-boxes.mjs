// Assembles HEIF files from coded pictures, with structures that cameras write and the available encoders do not.

/** Returns the configuration box and the data of a file's coded picture. */
export function coded(file) {
  const meta = find(boxes(file), "meta");
  const properties = boxes(find(boxes(find(boxes(meta.data.subarray(4)), "iprp").data), "ipco").data);
  const sizes = properties.find(({ type }) => type === "ispe").data;
  return {
    config: find(properties, "hvcC").bytes,
    width: sizes.readUInt32BE(4),
    height: sizes.readUInt32BE(8),
    data: find(boxes(file), "mdat").data,
  };
}

/**
 * Returns a file of items: { id, type, hidden, data, inIdat, properties: [box…] }. `references` are [type, from, [to…]].
 * `wide` selects the larger form of every field that has two. `metaLast` writes the pictures before their index.
 */
export function heif({
  items,
  primary,
  references = [],
  brands = ["mif1", "heic"],
  wide = false,
  metaLast = false,
  filler = 0,
}) {
  const ftyp = box("ftyp", text("heic"), uint(0, 4), ...brands.map(text));
  const free = filler > 0 ? box("free", Buffer.alloc(filler)) : Buffer.alloc(0);
  const mdat = box("mdat", ...items.filter((item) => !item.inIdat).map((item) => item.data));
  // The index has offsets of data that follows it, so its length is calculated from a first draft.
  const length = metaLast ? 0 : meta({ items, primary, references, wide, start: 0 }).length;
  const start = ftyp.length + free.length + length + 8;
  const index = meta({ items, primary, references, wide, start });
  return Buffer.concat(metaLast ? [ftyp, free, mdat, index] : [ftyp, free, index, mdat]);
}

function meta({ items, primary, references, wide, start }) {
  const idSize = wide ? 4 : 2;
  // Equal properties are stored once, for example those of the tiles of a grid.
  const properties = [];
  const place = (bytes) => properties.findIndex((known) => known.equals(bytes)) + 1 || properties.push(bytes);
  const associations = items.map((item) => [item.id, (item.properties ?? []).map(place)]);
  const inIdat = items.filter((item) => item.inIdat);
  const infe = items.map(({ id, type, hidden }) =>
    full("infe", wide ? 3 : 2, hidden ? 1 : 0, uint(id, idSize), uint(0, 2), text(type), Buffer.from([0])),
  );
  const parts = [
    full("hdlr", 0, 0, uint(0, 4), text("pict"), Buffer.alloc(13)),
    full("pitm", wide ? 1 : 0, 0, uint(primary, idSize)),
    locations({ items, wide, start }),
    full("iinf", wide ? 1 : 0, 0, uint(items.length, idSize), ...infe),
    box("iprp", box("ipco", ...properties), associated({ associations, wide })),
  ];
  if (references.length > 0) {
    const entries = references.map(([type, from, to]) =>
      box(type, uint(from, idSize), uint(to.length, 2), ...to.map((id) => uint(id, idSize))),
    );
    parts.push(full("iref", wide ? 1 : 0, 0, ...entries));
  }
  if (inIdat.length > 0) parts.push(box("idat", ...inIdat.map((item) => item.data)));
  return full("meta", 0, 0, ...parts);
}

function locations({ items, wide, start }) {
  const [idSize, offsetSize] = wide ? [4, 8] : [2, 4];
  const at = { idat: 0, mdat: start };
  const entries = items.map(({ id, data, inIdat }) => {
    const place = inIdat ? "idat" : "mdat";
    const extent = [uint(at[place], offsetSize), uint(data.length, offsetSize)];
    at[place] += data.length;
    return Buffer.concat([uint(id, idSize), uint(inIdat ? 1 : 0, 2), uint(0, 2), uint(1, 2), ...extent]);
  });
  const sizes = Buffer.from([(offsetSize << 4) | offsetSize, 0]);
  return full("iloc", wide ? 2 : 1, 0, sizes, uint(items.length, idSize), ...entries);
}

function associated({ associations, wide }) {
  const entries = associations.filter(([, indices]) => indices.length > 0);
  const one = (index) => uint(wide ? 0x8000 | index : 0x80 | index, wide ? 2 : 1);
  const rows = entries.map(([id, indices]) =>
    Buffer.concat([uint(id, wide ? 4 : 2), Buffer.from([indices.length]), ...indices.map(one)]),
  );
  return full("ipma", wide ? 1 : 0, wide ? 1 : 0, uint(rows.length, 4), ...rows);
}

// Item properties, and the data of a grid.
export const ispe = (width, height) => full("ispe", 0, 0, uint(width, 4), uint(height, 4));
export const pixi = (bits, channels = 3) => full("pixi", 0, 0, Buffer.from([channels, ...Array(channels).fill(bits)]));
export const irot = (quarters) => box("irot", Buffer.from([quarters]));
export const imir = (mode) => box("imir", Buffer.from([mode]));
export const icc = (profile) => box("colr", text("prof"), profile);
export const alpha = () => full("auxC", 0, 0, text("urn:mpeg:hevc:2015:auxid:1\0"));

export function clap(width, height, across = [0, 1], down = [0, 1]) {
  return box("clap", ...[width, 1, height, 1, ...across, ...down].map((value) => uint(value >>> 0, 4)));
}

export function grid({ columns, rows, width, height, wide = false }) {
  const size = wide ? 4 : 2;
  return Buffer.concat([Buffer.from([0, wide ? 1 : 0, rows - 1, columns - 1]), uint(width, size), uint(height, size)]);
}

/** Returns an Exif item, which begins with the offset of the TIFF header. */
export const exifItem = (block) => Buffer.concat([uint(0, 4), block]);

/** Returns the boxes in a buffer; does not descend into them. */
export function boxes(bytes) {
  const found = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = bytes.readUInt32BE(at) || bytes.length - at;
    found.push({
      type: bytes.toString("latin1", at + 4, at + 8),
      bytes: bytes.subarray(at, at + size),
      data: bytes.subarray(at + 8, at + size),
    });
    at += size;
  }
  return found;
}

export const find = (list, wanted) => list.find(({ type }) => type === wanted);

export function box(type, ...parts) {
  const data = Buffer.concat(parts);
  return Buffer.concat([uint(data.length + 8, 4), text(type), data]);
}

export const full = (type, version, flags, ...parts) => box(type, uint((version << 24) | flags, 4), ...parts);

const text = (value) => Buffer.from(value, "latin1");

function uint(value, size) {
  const bytes = Buffer.alloc(size);
  if (size === 8) bytes.writeBigUInt64BE(BigInt(value));
  else bytes.writeUIntBE(value, 0, size);
  return bytes;
}
