"""Writes small valid files of every format, from which the fuzzer starts.

Only Python's standard library is used; published files come from the mirror where it exists.
"""

import collections
import gzip
import io
import json
import os
import pathlib
import pickle
import struct
import sys
import zipfile
import zlib

LARGEST = 64 << 10  # bytes; bigger seeds make every execution slower


# MARK: Formats by hand


def npy(descr, order, shape, data):
    header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def archive(members, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as writer:
        for name, content in members.items():
            writer.writestr(name, content)
    return file.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(color, rows, palette=b"", transparency=b""):
    width = 2
    height = len(rows) // (1 + width * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color])
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    if palette:
        whole += chunk(b"PLTE", palette)
    if transparency:
        whole += chunk(b"tRNS", transparency)
    whole += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    parts = header + bytes([len(palette) // 3, len(transparency)]) + palette + transparency + rows
    return whole, parts


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    if isinstance(content, float):
        return varint(number << 3 | 5) + struct.pack("<f", content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def value(name, *extents):
    dims = b"".join(
        field(1, field(1 if isinstance(e, int) else 2, e)) for e in extents)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def onnx(ir=7):
    def attribute(name, kind, content):
        return field(5, field(1, name) + content + field(20, kind))

    def tensor(name, kind, count, content):
        return field(1, count) + field(2, kind) + content + field(8, name)

    raw = struct.pack("<4f", 1, 2, 3, 4)
    convolution = (
        field(1, "x") + field(1, "w") + field(2, "a") + field(3, "c") + field(4, "Conv")
        + attribute("pads", 7, field(8, 1) + field(8, -1))
        + attribute("group", 2, field(3, 1)) + attribute("alpha", 1, field(2, 0.5))
        + attribute("auto_pad", 3, field(4, "NOTSET"))
        + attribute("names", 8, field(9, "one") + field(9, "two"))
        + attribute("scales", 6, field(7, 1.0) + field(7, 2.0)))
    constant = field(2, "b") + field(4, "Constant") + attribute(
        "value", 4, field(5, tensor("t", 7, 2, field(7, varint(3) + varint(-1)))))
    addition = field(1, "a") + field(1, "b") + field(2, "y") + field(4, "Add") + field(6, "text")
    graph = field(1, convolution) + field(1, constant) + field(1, addition) + field(2, "g")
    tensors = [
        tensor("w", 1, 4, field(9, raw)), tensor("f", 1, 4, field(4, raw)),
        tensor("i", 2, 2, field(5, varint(255) + varint(1))),
        tensor("d", 11, 1, field(10, struct.pack("<d", 0.5))),
        tensor("u", 12, 1, field(11, varint(9))), tensor("e", 16, 0, b"")]
    graph += b"".join(field(5, each) for each in tensors)
    graph += field(11, value("x", "N", 4)) + field(12, value("y", 1)) + field(13, value("a"))
    if ir < 4:
        graph += field(11, value("w", 4))
    return field(1, ir) + field(2, "seed") + field(7, graph) + field(8, field(2, 13))


def torch_pickle(storage):
    """What torch.save pickles for one tensor of four floats, in ten opcodes of protocol 2."""
    def text(word):
        return b"X" + struct.pack("<I", len(word)) + word.encode()

    return (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage")
        + b"ctorch\nFloatStorage\n" + text(storage) + text("cpu")
        + b"K\x04NtQK\x00K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtR.")


def legacy_torch():
    numbers = struct.pack("<4f", 1, 2, 3, 4)
    system = {"little_endian": True, "protocol_version": 1001, "type_sizes": {"int": 4}}
    return (
        pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps(system, 2)
        + torch_pickle("0") + pickle.dumps(["0"], 2) + struct.pack("<q", 4) + numbers)


def array_pickle(content, shape, code=b"u1", order=b"|"):
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        + b"".join(b"M" + struct.pack("<H", extent) for extent in shape)
        + bytes([0x84 + len(shape)]) + b"cnumpy\ndtype\nU\x02" + code + b"K\x00K\x01\x87R(K\x03U\x01"
        + order + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<I", len(content)) + content + b"tb")


def cifar(images):
    labels = b"U\x06labels](" + b"".join(b"K" + bytes([index % 10]) for index in range(images)) + b"e"
    data = array_pickle(bytes(range(256)) * 12 * images, (images, 3072))
    return b"\x80\x02}(" + labels + b"U\x04data" + data + b"u."


def seeds():
    floats = struct.pack("<6d", 1, 2, 3, 4, 5, 6)
    arrays = [
        npy("<f8", False, "(2, 3)", floats), npy(">i4", True, "(2, 3)", floats[:24]),
        npy("|u1", False, "(4,)", b"abcd"), npy("<f8", False, "()", floats[:8])]
    images = [
        png(0, b"\x01\x01\x02\x02\x03\x04\x03\x05\x06\x04\x07\x08"), png(2, b"\x04abcdef" * 3),
        png(3, b"\x00\x00\x01" * 2, b"abcdef", b"x"), png(6, b"\x03abcdefgh" * 2)]
    objects = [
        {"a": [1, -2.5, None, True, "text", b"bytes", 1 << 70], "b": (1, (2, ()))},
        [[0.5] * 4] * 3, collections.OrderedDict(x=1), list(range(300))]
    pickles = [pickle.dumps(each, protocol) for each in objects for protocol in (2, 4)]
    pickles.append(b"\x80\x02" + array_pickle(floats, (2, 3), b"f8", b"<") + b".")
    pickles.append(b"\x80\x02" + array_pickle(floats, (6,), b"f8", b">") + b".")
    idx = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + b"abcdef"
    header = json.dumps({
        "__metadata__": {"k": "v"}, "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b": {"dtype": "I8", "shape": [1, 3], "data_offsets": [8, 11]}}).encode()
    texts = [
        b'{"a": [1, -2.5e3, "\\u00e9\\ud83d\\ude00\\n", true, null], "b": {"c": "\xc3\xa9"}}',
        b"[0.1, 1e308, -0, 9223372036854775808, [[[]]], {}]"]
    tables = [
        b'a,b,c\r\n1,"x""y",2.5\n-3,,1e-7\n', b"\xef\xbb\xbfx;y\n1;2\n", b"n\nnan\ninf\n\n0001\n",
        b'a,b\ntrue,"line\nbreak"\nfalse,\n']
    packed = archive({"x.npy": arrays[0], "y.npy": arrays[2]}, zipfile.ZIP_DEFLATED)
    return {
        "onnx": [onnx(), onnx(3)],
        "npy": arrays,
        "npz": [archive({"x.npy": arrays[0], "y": arrays[1]}), packed],
        "npz-member": arrays,
        "safetensors": [struct.pack("<Q", len(header)) + header + bytes(11)],
        "torch": [
            archive({"a/data.pkl": torch_pickle("0"), "a/data/0": bytes(16), "a/version": b"3\n"}),
            legacy_torch()],
        "torch-member": [torch_pickle("0") + bytes(16)],
        "pickle": pickles,
        "idx": [idx, gzip.compress(idx, mtime=0)],
        "png": [whole for whole, _ in images],
        "png-chunks": [parts for _, parts in images],
        "cifar": [cifar(1), cifar(2), cifar(2)[:-1000]],
        "json": texts,
        "csv": tables,
        "sdl": compressed(),
        "words": [b" 1 2.5\t-3\n4 5 6\r\n", b"a b\nc d"],
    }


def compressed():
    """The complete files of SmartDeal's reference vectors, in all their encodings."""
    fixtures = pathlib.Path(__file__).resolve().parents[2] / "Tests/SmartDealTests/Fixtures"
    vectors = json.loads((fixtures / "vectors.json").read_text())
    return [bytes.fromhex(container["hex"]) for container in vectors["containers"]]


# MARK: Published files

ENDINGS = {
    ".onnx": ["onnx"], ".npy": ["npy", "npz-member"], ".npz": ["npz"], ".pt": ["torch"],
    ".pth": ["torch"], ".pickle": ["pickle"], ".pkl": ["pickle"], ".gz": ["idx"], ".png": ["png"],
    ".json": ["json"], ".csv": ["csv"], ".txt": ["words"], ".data": ["words"],
    ".safetensors": ["safetensors"]}


def published(mirror):
    found = collections.defaultdict(list)
    for path in sorted(mirror.rglob("*")) if mirror.is_dir() else []:
        for reader in ENDINGS.get(path.suffix, []):
            if path.is_file() and path.stat().st_size <= LARGEST and len(found[reader]) < 12:
                found[reader].append(path.read_bytes())
    return found


def main(folder, mirror):
    own = seeds()
    others = published(pathlib.Path(mirror))
    for reader, files in own.items():
        target = pathlib.Path(folder) / reader
        target.mkdir(parents=True, exist_ok=True)
        for index, content in enumerate(files + others[reader]):
            (target / f"seed-{index}").write_bytes(content)


if __name__ == "__main__":
    default = pathlib.Path(__file__).resolve().parents[3] / "shared" / "mirror"
    main(sys.argv[1], os.environ.get("PIPELINE_MIRROR", default))
