#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "sim/input.hpp"

using namespace moesim;
using sim::InputError;
using sim::Table;

namespace {

Table parse(const std::string& text) { return Table::from_text(text, "in.toml"); }

/// The text of the InputError that `act` throws.
template <class Act>
std::string message(const Act& act) {
    try {
        act();
    } catch (const InputError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("input: a quantity without its unit is underlined, with a hint") {
    // `wire = ` has 7 characters, so the value starts in column 8; with quotes it has 8 characters.
    Table in = parse("[topology]\nkind = \"x\"\nwire = \"450 GB\"\n");
    CHECK(message([&] { in.table("topology").rate("wire"); }) ==
          "in.toml:3:8: error: topology.wire: '450 GB' is not a rate\n"
          "    3 | wire = \"450 GB\"\n"
          "      |        ^~~~~~~~\n"
          "help: write \"450 GB/s\" (bytes) or \"3600 Gbit/s\" (bits)");
    Table right = parse("wire = \"450 GB/s\"");
    CHECK(right.rate("wire") == BytesPerSecond{450e9});
}

TEST_CASE("input: a number where a quantity is wanted names both") {
    Table in = parse("wire = 450\n");
    CHECK(message([&] { in.rate("wire"); }) ==
          "in.toml:1:8: error: wire: expected a rate such as \"450 GB/s\", found integer 450\n"
          "    1 | wire = 450\n"
          "      |        ^~~\n"
          "help: write the unit, in quotes: \"450 GB/s\"");
}

TEST_CASE("input: a missing key points at its table's header and names the whole key") {
    Table in = parse("a = 1\n[topology]\nhop = \"500 ns\"\n");
    Table topology = in.table("topology");
    CHECK(topology.time("hop") == Seconds{500e-9});
    CHECK(message([&] { topology.rate("wire"); }) ==
          "in.toml:2:1: error: topology.wire: missing; expected a rate such as \"450 GB/s\"\n"
          "    2 | [topology]\n"
          "      | ^~~~~~~~~~\n"
          "help: add wire = \"450 GB/s\"");
    CHECK(topology.rate("wire", BytesPerSecond{7}) == BytesPerSecond{7});
}

TEST_CASE("input: a missing key whose misspelling is there names it") {
    Table in = parse("\nwier = \"450 GB/s\"\n");
    CHECK(message([&] { in.rate("wire"); }) ==
          "in.toml:1:1: error: wire: missing; expected a rate such as \"450 GB/s\"\n"
          "    1 | \n"
          "      | ^\n"
          "help: is 'wier' in line 2 meant to be 'wire'?");
}

TEST_CASE("input: a key missing from an absent table points at the table around it") {
    Table in = parse("a = 1\n");
    CHECK(message([&] { in.table("parallel").table("x").count("tensor", 1); }) ==
          "in.toml:1:1: error: parallel.x.tensor: missing; expected a whole number such as 8\n"
          "    1 | a = 1\n"
          "      | ^\n"
          "help: add tensor = 8");
}

TEST_CASE("input: an empty file is wrong only for what it lacks") {
    Table in = parse("");
    CHECK(in.text("name", "none") == "none");
    CHECK_NOTHROW(in.finish());
    CHECK(message([&] { in.text("model"); }) ==
          "in.toml:1:1: error: model: missing; expected a string such as \"name\"\n"
          "    1 | \n"
          "      | ^\n"
          "help: add model = \"name\"");
}

TEST_CASE("input: an unknown key is shown where it stands, with the nearest known one") {
    Table in = parse("[step]\nschedul = \"1f1b\"\n");
    Table step = in.table("step");
    step.text("schedule", "none");
    step.text("precision", "bf16");
    CHECK(message([&] { in.finish(); }) ==
          "in.toml:2:1: error: step.schedul: unknown key\n"
          "    2 | schedul = \"1f1b\"\n"
          "      | ^~~~~~~\n"
          "help: did you mean 'schedule'?");
    Table right = parse("[step]\nschedule = \"1f1b\"\n");
    right.table("step").text("schedule", "none");
    CHECK_NOTHROW(right.finish());
}

TEST_CASE("input: an unknown key without a near one lists what is known") {
    Table in = parse("frobnicate = 1\n");
    in.text("name", "");
    in.count("seed", 0, 0);
    CHECK(message([&] { in.finish(); }) ==
          "in.toml:1:1: error: frobnicate: unknown key\n"
          "    1 | frobnicate = 1\n"
          "      | ^~~~~~~~~~\n"
          "help: known keys: name, seed");
}

TEST_CASE("input: a table that nobody asked for is unknown, an ignored one is not") {
    const std::string text = "[source]\nwire = \"data sheet\"\n";
    Table in = parse(text);
    CHECK(message([&] { in.finish(); }) ==
          "in.toml:1:2: error: source: unknown key\n"
          "    1 | [source]\n"
          "      |  ^~~~~~");
    Table ignoring = parse(text);
    ignoring.ignore("source");
    CHECK_NOTHROW(ignoring.finish());
}

TEST_CASE("input: finish looks into arrays of tables") {
    Table in = parse("[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\nnmae = 1\n");
    for (Table& variant : in.tables("variant")) variant.text("name");
    CHECK(message([&] { in.finish(); }) ==
          "in.toml:5:1: error: variant.1.nmae: unknown key\n"
          "    5 | nmae = 1\n"
          "      | ^~~~\n"
          "help: did you mean 'name'?");
}

TEST_CASE("input: a table handed out twice shares what was read") {
    Table in = parse("[step]\na = 1\nb = 2\n");
    in.table("step").count("a", 0);
    CHECK_THROWS_AS(in.finish(), InputError);
    in.table("step").count("b", 0);
    CHECK_NOTHROW(in.finish());
}

TEST_CASE("input: what is not TOML is shown like everything else") {
    CHECK(message([] { parse("a = 1\nwire = 450 GB/s\n"); }) ==
          "in.toml:2:12: error: not valid TOML: expected a comment or whitespace, saw 'G'\n"
          "    2 | wire = 450 GB/s\n"
          "      |            ^\n"
          "help: text and quantities stand in quotes: wire = \"450 GB/s\"");
    CHECK(message([] { parse("a = 1\na = 2\n"); }) ==
          "in.toml:2:5: error: not valid TOML: cannot redefine existing integer 'a'\n"
          "    2 | a = 2\n"
          "      |     ^\n"
          "help: each key may stand only once");
    CHECK(message([] { parse("a = \"\xff\"\n"); }) ==
          "in.toml:1:5: error: not valid TOML: encountered invalid utf-8 sequence\n"
          "    1 | a = \"?\"\n"
          "      |     ^");
    CHECK(message([] { parse("a = 1\n\n  [.x]\nb = 1\n"); }) ==
          "in.toml:3:3: error: not valid TOML: expected a key\n"
          "    3 |   [.x]\n"
          "      |   ^~~~");
    CHECK(message([] { parse("\u00e4 = 1\n"); }) ==
          "in.toml:1:1: error: not valid TOML: a character outside ASCII that is not in quotes\n"
          "    1 | \u00e4 = 1\n"
          "      | ^");
    CHECK_NOTHROW(parse(
        "\"\u00e4\" = \"\u00e4\" # \u00e4\nb = \"\"\"\u00e4\\\n x\"\"\"\"\nc = '''\\\u00e4'''"));
    CHECK(message([] { parse("b = \"\"\"x\\\n \u00e4\"\"\"\n"); }) ==
          "in.toml:2:2: error: a character outside ASCII right behind a backslash\n"
          "    2 |  \u00e4\"\"\"\n"
          "      |  ^\n"
          "help: write its escape, such as \\u00e4");
    CHECK(message([] {
              parse(std::string{"a = 1\nb\0c", 9});
          }) ==
          "in.toml:2:2: error: a NUL byte: this is not text\n"
          "    2 | b?c\n"
          "      |  ^");
}

TEST_CASE("input: nesting beyond reason is refused, not followed") {
    std::string dots, brackets = "a = ", tables = "a = ";
    for (int i = 0; i < 300000; ++i) dots += "a.";
    for (int i = 0; i < 300000; ++i) brackets += '[';
    for (int i = 0; i < 300000; ++i) tables += "{a=";
    CHECK_THROWS_AS(parse(dots + "a = 1"), InputError);
    CHECK_THROWS_AS(parse("[" + dots + "a]"), InputError);
    CHECK_THROWS_AS(parse("x = [\"\"\"a\"\"\"\", {" + dots + "a=1}]"), InputError);
    CHECK_THROWS_AS(parse(brackets), InputError);
    CHECK_THROWS_AS(parse(tables), InputError);
    CHECK_NOTHROW(parse("a.b.c.d.e.f.g = [[[[{a.b.c = 1}]]]]"));
    CHECK_NOTHROW(
        parse("x = \"" + dots + "\" # " + dots));  // dots in text and comments are harmless
}

TEST_CASE("input: positions count characters, and tabs keep the caret in place") {
    Table in = parse("a = 1\n\"\u00e4\u00f6\" = 2\n\tn = \"x\"\r\n");
    CHECK(message([&] { in.count("n", 1); }) ==
          "in.toml:3:6: error: n: 'x' is not a whole number\n"
          "    3 | \tn = \"x\"\n"
          "      | \t    ^~~\n"
          "help: write a number and a unit, such as \"15.36 k\"");
    CHECK(message([&] { in.text("\u00e4\u00f6"); }) ==
          "in.toml:2:8: error: \"\u00e4\u00f6\": expected a string such as \"name\", found integer "
          "2\n"
          "    2 | \"\u00e4\u00f6\" = 2\n"
          "      |        ^\n"
          "help: write it in quotes");
}

TEST_CASE("input: a long line is shown as a window around the place") {
    const std::string far(200, ' ');
    Table in = parse("n =" + far + "true" + far);
    const std::string text = message([&] { in.count("n", 1); });
    // The window starts 40 characters before the value (column 204) and is 100 wide.
    CHECK(text ==
          "in.toml:1:204: error: n: expected a whole number such as 8, found boolean true\n"
          "    1 | ..." +
              std::string(40, ' ') + "true" + std::string(56, ' ') + "...\n" + "      |    " +
              std::string(40, ' ') + "^~~~");
}

TEST_CASE("input: counts are whole numbers of at least the least, up to 2^53") {
    Table in = parse(
        "ok = 8\nk = \"15.36 k\"\nsmall = 1\nreal = 2.0\nhalf = \"1.5\"\nfew = \"15.3605 k\"\n"
        "big = 9007199254740993\nlast = 9007199254740992\nbigtext = \"9.1e3 T\"\nneg = -3\nnan = "
        "nan\n");
    CHECK(in.count("ok", 8) == 8);
    CHECK(in.count("k", 1) == 15360);
    CHECK(in.count("last", 1) == 9007199254740992);
    CHECK(in.count("absent", 1, 5) == 5);
    const auto first = [&](const char* key) {
        const std::string text = message([&] { in.count(key, 2); });
        return text.substr(0, text.find('\n'));
    };
    CHECK(first("small") ==
          "in.toml:3:9: error: small: expected a whole number of at least 2, found 1");
    CHECK(first("real") ==
          "in.toml:4:8: error: real: expected a whole number such as 8, found float 2");
    CHECK(first("half") == "in.toml:5:8: error: half: '1.5' is not a whole number");
    CHECK(first("few") == "in.toml:6:7: error: few: '15.3605 k' is not a whole number");
    CHECK(first("big") == "in.toml:7:7: error: big: 9007199254740993 is larger than 2^53");
    CHECK(first("bigtext") == "in.toml:9:11: error: bigtext: '9.1e3 T' is larger than 2^53");
    CHECK(first("neg") ==
          "in.toml:10:7: error: neg: expected a whole number of at least 2, found -3");
    CHECK(first("nan") ==
          "in.toml:11:7: error: nan: expected a whole number such as 8, found float nan");
}

TEST_CASE("input: numbers are finite and within their range") {
    Table in =
        parse("a = 0.7\nb = 1\nc = 1.5\nd = nan\ne = -inf\nf = \"x\"\ng = 9007199254740993\n");
    const double infinite = std::numeric_limits<double>::infinity();
    CHECK(in.number("a", 0, 1) == 0.7);
    CHECK(in.number("b", 0, 1) == 1);
    CHECK(in.number("absent", 0, 1, 0.5) == 0.5);
    const auto first = [&](const char* key, double least, double most) {
        const std::string text = message([&] { in.number(key, least, most); });
        return text.substr(0, text.find('\n'));
    };
    CHECK(first("c", 0, 1) ==
          "in.toml:3:5: error: c: expected a number between 0 and 1, found 1.5");
    CHECK(first("c", 2, infinite) ==
          "in.toml:3:5: error: c: expected a number of at least 2, found 1.5");
    CHECK(first("c", -infinite, 1) ==
          "in.toml:3:5: error: c: expected a number of at most 1, found 1.5");
    CHECK(first("d", 0, 1) == "in.toml:4:5: error: d: expected a finite number, found nan");
    CHECK(first("e", -infinite, 1) ==
          "in.toml:5:5: error: e: expected a finite number, found -inf");
    CHECK(first("f", 0, 1) ==
          "in.toml:6:5: error: f: expected a number such as 0.5, found string \"x\"");
    CHECK(first("g", 0, infinite) == "in.toml:7:5: error: g: 9007199254740993 is beyond 2^53");
}

TEST_CASE("input: a choice is one of the known words") {
    Table in = parse("schedule = \"dualpip\"\nother = \"1f1b\"\n");
    const std::vector<std::string> known{"1f1b", "dualpipe"};
    CHECK(in.choice("other", known) == "1f1b");
    CHECK(in.choice("absent", known, "1f1b") == "1f1b");
    CHECK(message([&] { in.choice("schedule", known); }) ==
          "in.toml:1:12: error: schedule: unknown 'dualpip'\n"
          "    1 | schedule = \"dualpip\"\n"
          "      |            ^~~~~~~~~\n"
          "help: did you mean 'dualpipe'?\n"
          "help: known: 1f1b, dualpipe");
    CHECK(message([&] { in.choice("fabric", known); }) ==
          "in.toml:1:1: error: fabric: missing; expected one of 1f1b, dualpipe\n"
          "    1 | schedule = \"dualpip\"\n"
          "      | ^");
}

TEST_CASE("input: flags are true or false, not words or numbers") {
    Table in = parse("on = true\noff = \"no\"\n");
    CHECK(in.flag("on", false));
    CHECK(in.flag("absent", true));
    CHECK(message([&] { in.flag("off", false); }) ==
          "in.toml:2:7: error: off: expected true or false, found string \"no\"\n"
          "    2 | off = \"no\"\n"
          "      |       ^~~~");
}

TEST_CASE("input: lists point at the entry that is wrong") {
    Table in = parse("t = [\"a\", 1]\nc = [1, 0]\nn = [0.5, 2]\nm = [[1, 2], [3]]\ns = \"full\"\n");
    CHECK(in.texts("absent").empty());
    CHECK(in.counts("c", 0) == std::vector<std::int64_t>{1, 0});
    CHECK(in.numbers("n", 0, 2) == std::vector<double>{0.5, 2});
    CHECK(
        message([&] { in.texts("t"); })
            .starts_with(
                "in.toml:1:11: error: t.1: expected a string such as \"name\", found integer 1\n"));
    CHECK(message([&] { in.counts("c", 1); })
              .starts_with(
                  "in.toml:2:9: error: c.1: expected a whole number of at least 1, found 0\n"));
    CHECK(message([&] {
              in.numbers("n", 0, 1);
          }).starts_with("in.toml:3:11: error: n.1: expected a number between 0 and 1, found 2\n"));
    CHECK(message([&] { in.matrix("m", 0, 9); })
              .starts_with(
                  "in.toml:4:14: error: m.1: expected 2 numbers as in the first row, found 1\n"));
    CHECK(message([&] { in.texts("s"); })
              .starts_with("in.toml:5:5: error: s: expected an array of strings such as [\"a\", "
                           "\"b\"], found string"));
    Table right = parse("m = [[1, 2], [3, 4]]\n");
    CHECK(right.matrix("m", 0, 9) == std::vector<std::vector<double>>{{1, 2}, {3, 4}});
}

TEST_CASE("input: tables and values are not taken for each other") {
    Table in = parse("a = 1\n[b]\n[[c]]\n");
    CHECK(message([&] {
              in.table("a");
          }).starts_with("in.toml:1:5: error: a: expected a table, found integer 1\n"));
    CHECK(message([&] { in.text("b"); })
              .starts_with(
                  "in.toml:2:1: error: b: expected a string such as \"name\", found a table\n"));
    CHECK(message([&] { in.tables("b"); }) ==
          "in.toml:2:1: error: b: expected an array of tables, found a table\n"
          "    2 | [b]\n"
          "      | ^~~\n"
          "help: write [[b]] above each table");
    CHECK(in.tables("c").size() == 1);
    CHECK(in.tables("absent").empty());
}

TEST_CASE("input: an assignment sets a TOML value, else a bare string, and creates tables") {
    Table in = parse("[topology]\nwire = \"1 GB/s\"\n");
    in.set("topology.wire=450 GB/s");
    in.set("parallel.expert = 64");
    in.set("what_if.nic=0.7");
    in.set("model=deepseek-v3");
    in.set("step.recompute=[\"mlp\", \"moe\"]");
    in.set("placement={strategy=\"eplb\", redundant=32}");
    in.set("name=1979-05-27");
    CHECK(in.table("topology").rate("wire") == BytesPerSecond{450e9});
    CHECK(in.table("parallel").count("expert", 1) == 64);
    CHECK(in.table("what_if").number("nic", 0, 1) == 0.7);
    CHECK(in.text("model") == "deepseek-v3");
    CHECK(in.table("step").texts("recompute") == std::vector<std::string>{"mlp", "moe"});
    CHECK(in.table("placement").count("redundant", 0) == 32);
    CHECK(in.text("name") == "1979-05-27");
}

TEST_CASE("input: an error about an assigned value points at the assignment") {
    Table in = parse("[topology]\nwire = \"1 GB/s\"\n");
    in.set("topology.wire=450 GB");
    // `topology.wire=` has 14 characters.
    CHECK(message([&] { in.table("topology").rate("wire"); }) ==
          "--set:1:15: error: topology.wire: '450 GB' is not a rate\n"
          "    1 | topology.wire=450 GB\n"
          "      |               ^~~~~~\n"
          "help: write \"450 GB/s\" (bytes) or \"3600 Gbit/s\" (bits)");
    in.set("topology.wier=\"450 GB/s\"");
    in.ignore("name");
    CHECK(message([&] { in.finish(); }) ==
          "--set:1:10: error: topology.wier: unknown key\n"
          "    1 | topology.wier=\"450 GB/s\"\n"
          "      |          ^~~~\n"
          "help: did you mean 'wire'?");
}

TEST_CASE("input: a malformed assignment is refused") {
    Table in = parse("a = 1\nlist = [{x = 1}]\n");
    const auto first = [&](const std::string& assignment) {
        const std::string text = message([&] { in.set(assignment); });
        return text.substr(0, text.find('\n'));
    };
    CHECK(message([&] { in.set("wire"); }) ==
          "--set:1:1: error: no '=' in this assignment\n"
          "    1 | wire\n"
          "      | ^~~~\n"
          "help: write key.path=value, such as topology.wire=\"450 GB/s\"");
    CHECK(first("") == "--set:1:1: error: no '=' in this assignment");
    CHECK(first("=1") == "--set:1:1: error: no key before '='");
    CHECK(first(" =1") == "--set:1:1: error: no key before '='");
    CHECK(first("a..b=1") == "--set:1:1: error: 'a..b' is not a key");
    CHECK(first("[a]=1") == "--set:1:1: error: '[a]' is not a key");
    CHECK(first("#a=1") == "--set:1:1: error: '#a' is not a key");
    CHECK(first("a#b=1") == "--set:1:1: error: 'a#b' is not a key");
    CHECK(first("b=1\nc=2") == "--set:1:4: error: a control character");
    CHECK(first("b=\xff") == "--set:1:3: error: not valid UTF-8");
    CHECK(first("a.b=1") == "--set:1:3: error: a.b: stands below integer 1, not below a table");
    CHECK(first("list.1.x=1") == "--set:1:6: error: list.1: no entry '1' in an array of 1");
    CHECK(first("b=[1,").starts_with("--set:1:6: error: not valid TOML: "));
    CHECK(first("b=\"x").starts_with("--set:1:5: error: not valid TOML: "));
    CHECK(first("list.0.x=2") == "no error");
    CHECK(in.tables("list")[0].count("x", 0) == 2);
}

TEST_CASE("input: a variant's tables merge key by key, the rest is replaced") {
    Table in = parse(
        "model = \"m\"\nlist = [1, 2]\n[step]\nschedule = \"1f1b\"\nprecision = \"fp8\"\n"
        "[[variant]]\nname = \"v\"\nlist = [3]\nstep = { schedule = \"zbv\" }\nextra.deep = 1\n");
    Table merged = in.clone();
    merged.merge(in.tables("variant")[0], {"name"});
    CHECK_FALSE(merged.has("name"));
    CHECK(merged.text("model") == "m");
    CHECK(merged.counts("list", 0) == std::vector<std::int64_t>{3});
    CHECK(merged.table("step").text("schedule") == "zbv");
    CHECK(merged.table("step").text("precision") == "fp8");
    CHECK(merged.table("extra").count("deep", 0) == 1);
    // The original is untouched.
    CHECK(in.table("step").text("schedule") == "1f1b");
    CHECK_FALSE(in.has("extra"));
}

TEST_CASE("input: a merged value is shown where the variant wrote it") {
    Table in = parse("[step]\nschedule = \"1f1b\"\n[[variant]]\nname = \"v\"\nstep.schedule = 3\n");
    Table merged = in.clone();
    merged.merge(in.tables("variant")[0], {"name"});
    CHECK(
        message([&] { merged.table("step").text("schedule"); }) ==
        "in.toml:5:17: error: step.schedule: expected a string such as \"name\", found integer 3\n"
        "    5 | step.schedule = 3\n"
        "      |                 ^\n"
        "help: write it in quotes");
}

TEST_CASE("input: merged keys are answered for by the merged table, skipped ones are not") {
    Table in = parse("[[variant]]\nnmae = \"v\"\nseed = 3\n");
    Table merged = in.clone();
    Table variant = in.tables("variant")[0];
    merged.merge(variant, {"nmae"});
    merged.ignore("variant");
    CHECK(message([&] { merged.finish(); }).starts_with("in.toml:3:1: error: seed: unknown key\n"));
    CHECK(message([&] {
              in.finish();
          }).starts_with("in.toml:2:1: error: variant.0.nmae: unknown key\n"));
}

TEST_CASE("input: set and merge reach tables that were handed out before") {
    Table in = parse("[step]\na = 1\n");
    Table step = in.table("step"), absent = in.table("absent");
    in.set("step.a=2");
    in.set("absent.b=3");
    CHECK(step.count("a", 0) == 2);
    CHECK(absent.count("b", 0) == 3);
    in.set("step=7");
    CHECK_FALSE(step.has("a"));
}

TEST_CASE("input: a clone starts with nothing read, and keeps its path") {
    Table in = parse("[step]\na = 1\n");
    in.table("step").count("a", 0);
    Table step = in.table("step").clone();
    CHECK(step.path() == "step");
    CHECK(message([&] { step.finish(); }).starts_with("in.toml:2:1: error: step.a: unknown key\n"));
    step.set("a=5");
    CHECK(in.table("step").count("a", 0) == 1);
}

TEST_CASE("input: fail points at the value, at a key below, or at the table") {
    Table in = parse("[parallel]\nexpert = 64\n");
    Table parallel = in.table("parallel");
    CHECK(message([&] { parallel.fail("expert", "does not divide 100 experts", "try 50"); }) ==
          "in.toml:2:10: error: parallel.expert: does not divide 100 experts\n"
          "    2 | expert = 64\n"
          "      |          ^~\n"
          "help: try 50");
    CHECK(message([&] {
              in.fail("parallel.expert", "x");
          }).starts_with("in.toml:2:10: error: parallel.expert: x\n"));
    CHECK(
        message([&] { parallel.fail("", "x"); }).starts_with("in.toml:1:1: error: parallel: x\n"));
    CHECK(message([&] {
              parallel.fail("absent", "x");
          }).starts_with("in.toml:1:1: error: parallel.absent: x\n"));
    CHECK(message([&] { in.fail("", "x"); }).starts_with("in.toml:1:1: error: x\n"));
}

TEST_CASE("input: resolved holds what was read, in order, in SI, with defaults") {
    Table in =
        parse("b = 2\nwire = \"450 GB/s\"\nunread = 1\n[step]\nhop = \"500 ns\"\n[[v]]\nn = 1\n");
    in.rate("wire");
    in.table("step").time("hop");
    in.table("step").flag("graphs", true);
    in.count("b", 0);
    in.texts("recompute");
    in.tables("v")[0].count("n", 0);
    in.ignore("unread");
    CHECK(in.resolved().dump() ==
          R"({"wire":450000000000.0,"step":{"hop":5e-07,"graphs":true},"b":2,"recompute":[],)"
          R"("v":[{"n":1}]})");
}

TEST_CASE("input: keys come in the order of the file") {
    Table in = parse("z = 1\na = \"x\"\nm.q = 1\n");
    CHECK(in.keys() == std::vector<std::string>{"z", "a", "m"});
    CHECK(in.is_table("m"));
    CHECK_FALSE(in.is_table("a"));
    CHECK(in.is_text("a"));
    CHECK_FALSE(in.is_text("z"));
}

TEST_CASE("input: files that are not text files are refused by name") {
    const auto dir = std::filesystem::temp_directory_path() / "moesim_input_test";
    std::filesystem::create_directories(dir);
    const auto write = [&](const char* name, const std::string& content) {
        std::ofstream{dir / name, std::ios::binary} << content;
        return (dir / name).string();
    };
    const std::string good = write("good.toml", "a = 1\n");
    Table in = Table::from_file(good);
    CHECK(in.count("a", 0) == 1);
    CHECK(in.file() == good);
    CHECK(in.source_text() == "a = 1\n");
    CHECK(message([&] { Table::from_file(dir / "none.toml"); }) ==
          (dir / "none.toml").string() + ": error: no such file");
    CHECK(message([&] { Table::from_file(dir); }) ==
          dir.string() + ": error: is a directory, not a file");
    CHECK(message([&] { Table::from_file(""); }) == ": error: an empty file name");
    const std::string binary = write("binary.toml", std::string{"a = 1\n\0", 7});
    CHECK(message([&] { Table::from_file(binary); }) ==
          binary + ": error: not a text file: a NUL byte in line 2");
    CHECK(message([&] { sim::read_text_file(good, 5); }) ==
          good + ": error: larger than 5 bytes, the most that is read");
    CHECK(sim::read_text_file(good, 6) == "a = 1\n");
    std::filesystem::remove_all(dir);
}

TEST_CASE("input: the nearest word is a slip away, or there is none") {
    const std::vector<std::string> known{"pipeline", "tensor", "data", "expert"};
    CHECK(sim::nearest("tensr", known) == "tensor");
    CHECK(sim::nearest("PIPELINE", known) == "pipeline");
    CHECK(sim::nearest("adta", known) == "data");  // one swap of neighbours
    CHECK(sim::nearest("pipe", known) == "pipeline");
    CHECK(sim::nearest("zebra", known) == "");
    CHECK(sim::nearest("", known) == "");
    CHECK(sim::nearest("x", {"y"}) == "");
    CHECK(sim::nearest(std::string(100000, 'a'), known) == "");
}

TEST_CASE("input: whatever the text, nothing but InputError comes out") {
    const std::string seed =
        "name = \"DeepSeek-V3\"\nmodel = 'x' # comment\n[parallel]\ntensor = 1\nexpert = 64\n"
        "[step]\nrecompute = [\"layernorm\", \"mla\"]\n[training]\ntokens = \"14.8 T\"\n"
        "checkpoint = { every = \"30 min\", write = \"60 s\" }\n[what_if]\nnic = 0.7\n"
        "[[variant]]\nname = \"\"\"long\n\"\"\"\nplacement = { redundant = 32 }\n[[variant]]\nx.y "
        "= 1979-05-27\n";
    const std::string alphabet = "=[]{}\"'\\.,#\n\r\t \v-+_eE0179axnif\xc3\xa4\xff\x01:";
    std::mt19937 random{20240607};
    const auto draw = [&](std::size_t below) { return static_cast<std::size_t>(random()) % below; };
    int refused = 0, accepted = 0;
    for (int round = 0; round < 600; ++round) {
        std::string text = seed;
        for (std::size_t edits = 1 + draw(4); edits > 0; --edits) {
            const std::size_t at = draw(text.size());
            switch (draw(4)) {
                case 0:
                    text[at] = alphabet[draw(alphabet.size())];
                    break;
                case 1:
                    text.insert(at, 1, alphabet[draw(alphabet.size())]);
                    break;
                case 2:
                    text.erase(at, 1 + draw(5));
                    break;
                default:
                    text.insert(at, text.substr(draw(text.size()), 1 + draw(12)));
            }
        }
        try {
            Table in = parse(text);
            in.text("name", "");
            in.text("model", "");
            Table parallel = in.table("parallel");
            parallel.count("tensor", 1, 1);
            parallel.count("expert", 1, 1);
            in.table("step").texts("recompute");
            Table training = in.table("training");
            training.count("tokens", 1, 1);
            training.table("checkpoint").time("every", Seconds{1});
            training.table("checkpoint").time("write", Seconds{1});
            in.table("what_if").number("nic", 0, 10, 1);
            Table merged = in.clone();
            for (Table& variant : in.tables("variant")) {
                variant.text("name", "");
                merged.merge(variant, {"name"});
            }
            merged.set(text.substr(0, draw(40)));
            (void)in.resolved().dump();
            in.finish();
            ++accepted;
        } catch (const InputError& error) {
            CHECK_FALSE(std::string{error.what()}.empty());
            // Valid UTF-8, so that it can be printed and put into JSON.
            CHECK_NOTHROW(nlohmann::json(error.what()).dump());
            ++refused;
        }
    }
    CHECK(refused > 300);
    CHECK(accepted > 0);
}
