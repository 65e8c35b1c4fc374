"""Which error codes and states the product's source compares with what AWS answers, and where.

Reads the text of Rust: the lists that `or_absent` and `Failure::is` get, those of `NOT_YET`, the quotas, the words of the hints, and the
patterns of `phase`. What cannot be followed to its literals is a fault, so that no code escapes by being written otherwise.
"""

import collections
import pathlib
import re

STRING = re.compile(r'"((?:[^"\\]|\\[\s\S])*)"')
# Arguments that are not literals but come from a caller that is scanned itself.
HANDED_ON = {"absent", "on.kind.not_yet()", "&[quota.code]"}
# Tests, and the models of AWS that tests use.
TESTS = re.compile(r"(^|/)(tests?|every_kind)(/|\.rs$)|/model\.rs$|^kinds/.*/model/|^aws/model/|/sample\.rs$|^dump/")

# A use of a code: its place, the operation if one is named, and the code.
Use = collections.namedtuple("Use", "file line operation code")


class Source:
    """All files of the product, without their tests."""

    def __init__(self, root):
        self.texts = {}
        for path in sorted(pathlib.Path(root).rglob("*.rs")):
            name = path.relative_to(root).as_posix()
            if not TESTS.search(name):
                self.texts[name] = without_comments(path.read_text().partition("#[cfg(test)]\nmod tests {")[0])
        self.faults = []

    def uses(self):
        """All uses of error codes."""
        for file, text in self.texts.items():
            for found in re.finditer(r"\.or_absent\(", text):
                operation, codes = arguments(text, found.end())
                yield from self.each(file, text, found.start(), STRING.fullmatch(operation)[1], codes)
            for found in re.finditer(r"\.is\(", text):
                given = arguments(text, found.end())
                # Other functions with this name have neither a list of literals nor one constant.
                if len(given) == 1 and re.match(r"&|[A-Z]|[a-z_]+::[A-Z]|absent$|on\.", given[0]):
                    yield from self.each(file, text, found.start(), None, given[0])
            for found in re.finditer(r"const NOT_YET: [^=;]*=\s*([^;]*);", text):
                yield from self.each(file, text, found.start(), None, found[1])
            yield from self.quotas(file, text)
        yield from self.hints()

    def each(self, file, text, position, operation, codes):
        if codes.strip() in HANDED_ON:
            return
        line = text.count("\n", 0, position) + 1
        for code in self.literals(file, codes, position, f"{file}:{line}"):
            yield Use(file, line, operation, code)

    def literals(self, file, said, position, where):
        """The literals of a list, or of the constants and variables that it names."""
        said = said.strip().rstrip(",").lstrip("&").strip()
        if said.startswith("["):
            for item in split(said[1:-1]):
                yield from self.literals(file, item, position, where)
        elif STRING.fullmatch(said):
            yield STRING.fullmatch(said)[1]
        elif re.fullmatch(r"[\w:]+", said):
            defined = self.definition(file, said, position)
            if defined is None:
                self.faults.append(f"{where}: where is {said} defined?")
            else:
                yield from self.literals(*defined, where)
        elif said:
            self.faults.append(f"{where}: which codes are {said}?")

    def definition(self, file, name, position):
        """The file, the value and the place of a constant or a variable: in this file before `position`, or in its module."""
        module, _, name = name.rpartition("::")
        module = module.rpartition("::")[2]
        folders = file.split("/")[:-1]
        above = ["/".join(folders[:depth]) for depth in range(len(folders), 0, -1)]
        if module:
            near = [place for folder in above for place in (f"{folder}/{module}.rs", f"{folder}/{module}/mod.rs")]
            near += [f"{folder}/mod.rs" for folder in above if folder.endswith(f"/{module}")]
        else:
            # The name may also be imported from a file next to it.
            near = [file, *(other for other in self.texts if other.rpartition("/")[0] == above[0])]
        for candidate in near:
            is_own = candidate == file
            text = self.texts.get(candidate, "")
            constant = re.search(rf"\bconst {name}: [^=;]*=\s*([^;]*);", text)
            if constant:
                return candidate, constant[1], constant.start()
            variables = [found for found in re.finditer(rf"\blet {name}\b[^=]*=\s*([^;]*);", text) if found.start() < position]
            if variables and is_own and not module:
                return candidate, variables[-1][1], variables[-1].start()
        return None

    def quotas(self, file, text):
        """`quota("Code", "service", …)`, within `of(&["Operation"], …)` or not."""
        for found in re.finditer(r"(?:of\(\s*&\[([^\]]*)\],\s*)?\bquota\(\s*\"(\w+)\"", text):
            line = text.count("\n", 0, found.start()) + 1
            operations = STRING.findall(found[1] or "") or [None]
            for operation in operations:
                yield Use(file, line, operation, found[2])

    def hints(self):
        """The patterns of the `match code` that chooses a hint."""
        file = "aws/error.rs"
        text = self.texts.get(file, "")
        begin = text.find("match code {")
        if begin < 0:
            self.faults.append(f"{file}: where are the hints?")
            return
        body = block(text, begin)
        for found in re.finditer(r'((?:"[\w.]+"\s*\|?\s*)+)=>', body):
            for code in STRING.findall(found[1]):
                yield Use(file, text.count("\n", 0, begin) + 1, None, code)

    def states(self):
        """The states that `phase` of each kind knows: file and word. A word that ends with `-` begins those of AWS."""
        for file, text in self.texts.items():
            for found in re.finditer(r"fn (?:phase|is_hopeful|why)\(", text) if file.startswith("kinds/") else ():
                body = block(text, found.end())
                patterns = re.findall(r'((?:\(?"[\w-]+"[\w\s,|()]*)+?)(?:\bif\b[^=]*)?=>', body)
                words = [word for pattern in patterns for word in STRING.findall(pattern)]
                words += [word for found in re.findall(r'matches!\(([^)]*\(\)[^)]*)\)', body) for word in STRING.findall(found) if word]
                words += re.findall(r'(?:[=!]= |starts_with\()"([\w-]+)"', body)
                yield from ((file, word) for word in words)


def without_comments(text):
    return re.sub(r"(?m)//.*$", "", text)


def block(text, begin):
    """What is between the next braces."""
    begin = text.index("{", begin)
    return text[begin:closing(text, begin)]


def closing(text, begin):
    """Where the bracket at `begin` is closed."""
    depth, position = 0, begin
    while position < len(text):
        if text[position] == '"':
            position = STRING.match(text, position).end()
            continue
        depth += (text[position] in "([{") - (text[position] in ")]}")
        position += 1
        if depth == 0:
            return position
    raise ValueError("a bracket is not closed")


def arguments(text, begin):
    """The arguments of the call whose parenthesis is before `begin`."""
    return [part.strip() for part in split(text[begin:closing(text, begin - 1) - 1])]


def split(text):
    """Parts between commas that are in no bracket."""
    parts, begin, position = [], 0, 0
    while position < len(text):
        if text[position] == '"':
            position = STRING.match(text, position).end()
        elif text[position] in "([{":
            position = closing(text, position)
        else:
            if text[position] == ",":
                parts.append(text[begin:position])
                begin = position + 1
            position += 1
    parts.append(text[begin:])
    return [part for part in parts if part.strip()]
