#!/usr/bin/env python3
"""Writes names_table.cpp from the class*.md files of the VSCP specification.

Usage: generate.py SPEC_FOLDER > names_table.cpp

Only facts are taken: class number, class token, type number, type token. Classes 512 to 1023 are Level I classes over
Level II and are left out: names.cpp derives them. Classes with the same list of types share one copy of it.
"""
import glob
import os
import re
import sys

CLASS_NUMBER = re.compile(r"^# *Class *= *(\d+)", re.M)
CLASS_TOKEN = re.compile(r"^ +(CLASS[12]\.\S+)", re.M)
TYPE = re.compile(r"^## *Type *= *(\d+)[^\n]*\n+```[^\n]*\n\s*(VSCP2?_TYPE_\S+)", re.M)
TYPE_PREFIX = re.compile(r"^VSCP2?_TYPE_[A-Z0-9]+_")


def read_classes(folder):
    """{class number: (token, {type number: token})}. Of two files for one number the one with more types counts."""
    classes = {}
    for path in sorted(glob.glob(os.path.join(folder, "class*.md"))):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        number = CLASS_NUMBER.search(text)
        token = CLASS_TOKEN.search(text)
        if not number or not token:
            sys.exit(f"{path}: no class number or token")
        number = int(number.group(1))
        if 512 <= number <= 1023:
            continue
        types = {int(n): TYPE_PREFIX.sub("", t) for n, t in TYPE.findall(text)}
        if number not in classes or len(types) > len(classes[number][1]):
            classes[number] = (token.group(1), types)
    if not classes:
        sys.exit(f"{folder}: no class*.md files; give the folder of the specification")
    return classes


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    classes = read_classes(sys.argv[1])
    lists = []  # one entry per distinct list of types: (first row, sorted items)
    rows = []
    first = 0
    for number, (token, types) in sorted(classes.items()):
        items = sorted(types.items())
        known = next((entry for entry in lists if entry[1] == items), None)
        if known is None:
            known = (first, items)
            lists.append(known)
            first += len(items)
        rows.append((number, token, known[0], len(items)))
    print("// Made by generate.py from the class*.md files of the VSCP specification; not to be edited by hand.")
    print("// clang-format off")
    print('#include "protocol/names/names_table.h"\n')
    print("namespace vscp::names_table {")
    print("namespace {\n")
    print("constexpr ClassRow kClassRows[] = {")
    for number, token, start, count in rows:
        print(f'    {{{number}, "{token}", {start}, {count}}},')
    print("};\n")
    print("constexpr TypeRow kTypeRows[] = {")
    for start, items in lists:
        owners = " ".join(str(row[0]) for row in rows if row[2] == start and row[3] == len(items))
        print(f"    // {owners}")
        for number, token in items:
            print(f'    {{{number}, "{token}"}},')
    print("};\n")
    print("}  // namespace\n")
    print("std::span<const ClassRow> classes() noexcept { return kClassRows; }\n")
    print("std::span<const TypeRow> types(const ClassRow& row) noexcept {")
    print("  return std::span<const TypeRow>(kTypeRows).subspan(row.first_type, row.type_count);")
    print("}\n")
    print("}  // namespace vscp::names_table")


if __name__ == "__main__":
    main()
