#include "router/base/config_node.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace router {
namespace {

ConfigContext context_for(const char* file = "a.json") {
  ConfigContext context;
  context.file = file;
  return context;
}

std::string first_error(std::string_view text) {
  ConfigContext context = context_for();
  const auto node = parse_config_text(text, context);
  if (node || context.errors.size() != 1) return "no single error";
  return to_text(context.errors[0]);
}

TEST(ConfigNode, EveryValueKnowsItsPlace) {
  ConfigContext context = context_for();
  const auto root = parse_config_text(
      "{\n  \"a\": 1, // one\n  /* two\n lines */ \"b\": [true,\n null, \"x\"],\n\t\"c\":{\"d\":-2.5}}", context);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->line, 1U);
  EXPECT_EQ(root->column, 1U);
  const ConfigNode* a = root->find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->integer, 1);
  EXPECT_EQ(a->line, 2U);
  EXPECT_EQ(a->column, 8U);
  const ConfigNode* b = root->find("b");
  ASSERT_NE(b, nullptr);
  ASSERT_EQ(b->items.size(), 3U);
  EXPECT_EQ(b->line, 4U);
  EXPECT_EQ(b->items[1].line, 5U);
  EXPECT_EQ(b->items[1].column, 2U);
  EXPECT_EQ(b->items[2].text, "x");
  const ConfigNode* d = root->find("c")->find("d");
  EXPECT_DOUBLE_EQ(d->number, -2.5);
  EXPECT_EQ(d->line, 6U);
  EXPECT_EQ(d->column, 11U);
  EXPECT_EQ(root->members[2].line, 6U);
  EXPECT_EQ(root->members[2].column, 2U);
}

TEST(ConfigNode, OffsetsCutOutTheValuesText) {
  const std::string text = R"({"a": ["x\"y", 12, {"b": {}}]})";
  ConfigContext context = context_for();
  const auto root = parse_config_text(text, context);
  ASSERT_TRUE(root);
  const ConfigNode& list = *root->find("a");
  const auto cut = [&](const ConfigNode& node) { return text.substr(node.begin, node.end - node.begin); };
  EXPECT_EQ(cut(*root), text);
  EXPECT_EQ(cut(list), R"(["x\"y", 12, {"b": {}}])");
  EXPECT_EQ(cut(list.items[0]), R"("x\"y")");
  EXPECT_EQ(cut(list.items[1]), "12");
  EXPECT_EQ(cut(list.items[2]), R"({"b": {}})");
}

TEST(ConfigNode, ByteOrderMarkIsSkipped) {
  ConfigContext context = context_for();
  const auto root = parse_config_text("\xef\xbb\xbf{\"a\": 1}", context);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->find("a")->line, 1U);
  EXPECT_EQ(root->find("a")->column, 7U);
}

TEST(ConfigNode, NumbersKeepTheirKind) {
  ConfigContext context = context_for();
  const auto root =
      parse_config_text("[9223372036854775807, -9223372036854775808, 18446744073709551615, 1e3, 0]", context);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->items[0].integer, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(root->items[1].integer, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(root->items[2].kind, ConfigNode::Kind::kNumber);
  EXPECT_DOUBLE_EQ(root->items[3].number, 1000.0);
  EXPECT_EQ(root->items[4].kind, ConfigNode::Kind::kInteger);
}

TEST(ConfigSyntax, EachSlipHasAPlainSentenceAndItsPlace) {
  const std::array<std::pair<std::string_view, std::string_view>, 30> cases{{
      {"", "a.json:1:1: the file is empty: write at least {}"},
      {" // only a comment\n", "a.json:2:1: the file is empty: write at least {}"},
      {"{\n\"a\": 1,\n}", "a.json:3:1: a comma before }: remove the comma"},
      {"[1, 2, ]", "a.json:1:8: a comma before ]: remove the comma"},
      {"{\"a\": 1\n \"b\": 2}", "a.json:2:2: a comma is missing before \"b\""},
      {"[1 2]", "a.json:1:4: a comma is missing before 2"},
      {"{\"a\" 1}", "a.json:1:6: a colon is missing after the key \"a\""},
      {"{a: 1}", "a.json:1:2: a key must be in double quotes: write \"a\""},
      {"{'a': 1}", "a.json:1:2: single quotes: write double quotes"},
      {"{\"a\": }", "a.json:1:7: a value is missing before \"}\""},
      {"{\"a\": , \"b\": 1}", "a.json:1:7: a value is missing before \",\""},
      {"{,}", "a.json:1:2: a key in double quotes is missing before \",\""},
      {"{\"a\": yes}", "a.json:1:7: \"yes\" is not a value: write true or false"},
      {"{\"a\": True}", "a.json:1:7: \"True\" is not a value: write true or false"},
      {"{\"a\": 0x10}", "a.json:1:7: \"0x10\" is not a number in JSON: write it in decimal"},
      {"{\"a\": 010}", "a.json:1:7: \"010\" begins with a zero: write the number without it"},
      {"{\"a\": hello}",
       "a.json:1:7: \"hello\" is not a value: write a number, true, false, null, or a string in double quotes"},
      {"{\"a\": 1.}",
       "a.json:1:7: \"1.\" is not a value: write a number, true, false, null, or a string in double quotes"},
      {"{\n \"a\": [1", "a.json:2:9: the file ends inside of the list that begins in line 2: add ]"},
      {"{\"a\": {\n", "a.json:2:1: the file ends inside of the object that begins in line 1: add }"},
      {"{\"a\": [1}", "a.json:1:9: \"}\" does not close the list that begins in line 1: write ]"},
      {"{\"a\": 1]", "a.json:1:8: \"]\" does not close the object that begins in line 1: write }"},
      {"{\"a\": \"x\n\"}",
       "a.json:1:7: the string has no end: add a double quote (a line end inside of a string is written \\n)"},
      {"{\"a\": \"x\ty\"}",
       "a.json:1:9: a control character inside of a string: write \\t for a TAB, \\n for a line end"},
      {"{\"a\": \"c:\\dir\"}", "a.json:1:11: an escape that JSON does not have: write \\\\ for one backslash"},
      {"{\"a\": \"\xff\"}", "a.json:1:8: a byte that is not UTF-8 inside of a string: save the file as UTF-8"},
      {"{\"a\": 1} x", "a.json:1:10: text after the end of the file's one value: remove it"},
      {"{\"a\": 1 /* no end }", "a.json:1:9: the comment has no end: add */"},
      {"{\"a\": 1 : 2}", "a.json:1:9: a colon where a comma belongs: write a comma"},
      {"[1e999]", "a.json:1:2: the number is too large"},
  }};
  for (const auto& [text, expected] : cases) EXPECT_EQ(first_error(text), expected) << text;
}

TEST(ConfigSyntax, GarbageAlwaysGivesOneErrorAndNeverATree) {
  // Every prefix of a valid text, and the text with each byte replaced by ones that hurt.
  const std::string valid = "{\"a\": [1, true, \"x\\n\"], /* c */ \"b\": {\"c\": null}} // end";
  for (std::size_t size = 0; size < valid.find("//") - 2; ++size) {
    EXPECT_NE(first_error(std::string_view(valid).substr(0, size)), "no single error") << size;
  }
  for (std::size_t i = 0; i < valid.size(); ++i) {
    for (const char c : {'\0', '{', ']', '"', '\'', '\\', ',', ':', '/', '\x80', '\n', '0'}) {
      std::string text = valid;
      text[i] = c;
      ConfigContext context = context_for();
      const bool parsed = parse_config_text(text, context).has_value();
      EXPECT_EQ(parsed, context.errors.empty()) << text;
      for (const ConfigIssue& issue : context.errors) {
        EXPECT_GE(issue.line, 1U) << text;
        EXPECT_FALSE(issue.text.empty()) << text;
      }
    }
  }
}

TEST(ConfigSyntax, DeepNestingIsRefused) {
  const std::string deep(100000, '[');
  EXPECT_EQ(first_error(deep).substr(0, 13), "a.json:1:65: ");
  EXPECT_NE(first_error(deep).find("nested deeper than 64 levels"), std::string::npos);
  const std::string fits = std::string(64, '[') + std::string(64, ']');
  ConfigContext context = context_for();
  EXPECT_TRUE(parse_config_text(fits, context));
}

TEST(ConfigNode, DuplicateKeysAreErrorsEach) {
  ConfigContext context = context_for();
  EXPECT_FALSE(parse_config_text("{\"a\": 1,\n\"b\": [{\"c\": 1,\n \"c\": 2}],\n\"a\": 3}", context));
  ASSERT_EQ(context.errors.size(), 2U);
  EXPECT_EQ(to_text(context.errors[0]),
            "a.json:3:2: b[0].c: this key is already there in line 2: remove one of the two");
  EXPECT_EQ(to_text(context.errors[1]), "a.json:4:1: a: this key is already there in line 1: remove one of the two");
}

class Reading : public testing::Test {
 protected:
  ObjectReader reader(std::string_view text) {
    context_ = context_for();
    root_ = parse_config_text(text, context_);
    EXPECT_TRUE(root_) << text;
    return ObjectReader(&*root_, "top", context_);
  }
  std::vector<std::string> errors() const {
    std::vector<std::string> out;
    for (const ConfigIssue& issue : context_.errors) out.push_back(to_text(issue));
    return out;
  }
  using Lines = std::vector<std::string>;

  ConfigContext context_;
  std::optional<ConfigNode> root_;
};

enum class Colour { kRed, kBlue };
constexpr std::array<std::pair<std::string_view, Colour>, 2> kColours{{{"red", Colour::kRed}, {"blue", Colour::kBlue}}};

TEST_F(Reading, GivesValuesAndDefaults) {
  ObjectReader r =
      reader(R"({"b": true, "i": 7, "n": 2, "t": "x", "w": "blue", "l": ["a", "", " b "], "m": "c, d", "e": ""})");
  EXPECT_TRUE(r.boolean("b", false));
  EXPECT_TRUE(r.boolean("b2", true));
  EXPECT_EQ(r.integer("i", 1, 0, 10), 7);
  EXPECT_EQ(r.integer("i2", 1, 0, 10), 1);
  EXPECT_DOUBLE_EQ(r.number("n", 0.5, 0, 10), 2.0);
  EXPECT_DOUBLE_EQ(r.number("n2", 0.5, 0, 10), 0.5);
  EXPECT_EQ(r.text("t", "y"), "x");
  EXPECT_EQ(r.text("t2", "y"), "y");
  EXPECT_EQ((r.word<Colour>("w", Colour::kRed, kColours)), Colour::kBlue);
  EXPECT_EQ((r.word<Colour>("w2", Colour::kRed, kColours)), Colour::kRed);
  const auto l = r.texts("l");
  ASSERT_EQ(l.size(), 2U);
  EXPECT_EQ(l[1].first, "b");
  const auto m = r.texts("m");
  ASSERT_EQ(m.size(), 2U);
  EXPECT_EQ(m[1].first, "d");
  EXPECT_TRUE(r.texts("e").empty());
  EXPECT_TRUE(r.texts("absent").empty());
  r.finish();
  EXPECT_EQ(errors(), Lines{});
}

TEST_F(Reading, AcceptsWholeNumbersWithExponent) {
  ObjectReader r = reader(R"({"i": 1e3})");
  EXPECT_EQ(r.integer("i", 1, 0, 5000), 1000);
  EXPECT_EQ(errors(), Lines{});
}

TEST_F(Reading, CollectsAllErrorsWithPlacePathAndHint) {
  ObjectReader r = reader(
      "{\"b\": 1,\n\"i\": 11,\n \"j\": -1, \"k\": \"5\", \"q\": 1.5, \"z\": 1e30,\n"
      "\"n\": 0.1, \"t\": 5, \"t2\": \"long\", \"w\": \"bleu\", \"w2\": 3,\n\"l\": [1], \"l2\": 4, \"o\": [], \"a\": "
      "{}}");
  EXPECT_FALSE(r.boolean("b", false));
  EXPECT_EQ(r.integer("i", 3, 0, 10), 3);
  EXPECT_EQ(r.integer("j", 3, 0, 10), 3);
  EXPECT_EQ(r.integer("k", 3, 0, 10), 3);
  EXPECT_EQ(r.integer("q", 3, 0, 10), 3);
  EXPECT_EQ(r.integer("z", 3, 0, 10), 3);
  EXPECT_DOUBLE_EQ(r.number("n", 1, 0.5, 2.5), 1);
  EXPECT_EQ(r.text("t", "d"), "d");
  EXPECT_EQ(r.text("t2", "d", 3), "d");
  EXPECT_EQ((r.word<Colour>("w", Colour::kRed, kColours)), Colour::kRed);
  EXPECT_EQ((r.word<Colour>("w2", Colour::kRed, kColours)), Colour::kRed);
  EXPECT_TRUE(r.texts("l").empty());
  EXPECT_TRUE(r.texts("l2").empty());
  EXPECT_EQ(r.object("o"), nullptr);
  EXPECT_TRUE(r.list("a").empty());
  r.finish();
  EXPECT_EQ(errors(),
            (Lines{
                "a.json:1:7: top.b: is a whole number: write true or false",
                "a.json:2:6: top.i: 11 is too large: write a whole number from 0 to 10",
                "a.json:3:7: top.j: -1 is too small: write a whole number from 0 to 10",
                "a.json:3:16: top.k: is a string: write a whole number from 0 to 10",
                "a.json:3:26: top.q: 1.5 is not a whole number: write a whole number from 0 to 10",
                "a.json:3:36: top.z: 9223372036854775807 is too large: write a whole number from 0 to 10",
                "a.json:4:6: top.n: 0.1 is too small: write a number from 0.5 to 2.5",
                "a.json:4:16: top.t: is a whole number: write a string in double quotes",
                "a.json:4:25: top.t2: has 4 bytes: write at most 3",
                "a.json:4:38: top.w: \"bleu\" is not known: write \"red\" or \"blue\" (did you mean \"blue\"?)",
                "a.json:4:52: top.w2: is a whole number: write \"red\" or \"blue\"",
                "a.json:5:7: top.l[0]: is a whole number: write a string in double quotes",
                "a.json:5:17: top.l2: is a whole number: write a list of strings, [\"...\", \"...\"]",
                "a.json:5:25: top.o: is a list: write an object, { ... }",
                "a.json:5:34: top.a: is an object: write a list, [ ... ]",
            }));
}

TEST_F(Reading, UnknownKeysNameTheNearestKnownOne) {
  ObjectReader r = reader("{\"max-out-queue\": 1,\n\"max_out_queeu\": 2, \"Interfaec\": 3,\n\"zebra\": 4}");
  r.integer("max-out-queue", 0, 0, 9);
  r.text("interface", "");
  r.finish();
  EXPECT_EQ(errors(), (Lines{"a.json:2:1: top.max_out_queeu: unknown key: did you mean \"max-out-queue\"?",
                             "a.json:2:21: top.Interfaec: unknown key: did you mean \"interface\"?",
                             "a.json:3:1: top.zebra: unknown key: remove it"}));
}

TEST_F(Reading, NulInAStringIsRefused) {
  ObjectReader r = reader(R"({"t": "a\u0000b"})");
  EXPECT_EQ(r.text("t", "d"), "d");
  EXPECT_EQ(errors(), Lines{"a.json:1:7: top.t: has a NUL character: write the string without \\u0000"});
}

TEST_F(Reading, SomethingElseThanAnObjectIsOneError) {
  ObjectReader r = reader("[1]");
  EXPECT_EQ(r.integer("i", 3, 0, 10), 3);
  r.finish();
  EXPECT_EQ(errors(), Lines{"a.json:1:1: top: is a list: write an object, { ... }"});
}

TEST(ObjectReader, MakesItsKeysKnownEvenWithoutAnObject) {
  std::set<std::string> keys;
  ConfigContext context = context_for();
  context.known_keys = &keys;
  ObjectReader r(nullptr, "link[3]", context);
  r.boolean("a", true);
  ObjectReader inner(r.object("tls"), r.path_of("tls"), context);
  inner.text("cert", "");
  r.finish();
  EXPECT_EQ(keys, (std::set<std::string>{"link[].a", "link[].tls", "link[].tls.cert"}));
  EXPECT_TRUE(context.errors.empty());
}

TEST(NearestWord, KnowsSlipsAndNothingElse) {
  const std::array<std::string_view, 3> words{"interface", "idle-timeout-s", "tls"};
  EXPECT_EQ(nearest_word("interfcae", words), "interface");
  EXPECT_EQ(nearest_word("idle_timeout_s", words), "idle-timeout-s");
  EXPECT_EQ(nearest_word("TLS", words), "tls");
  EXPECT_EQ(nearest_word("banana", words), "");
  EXPECT_EQ(nearest_word("", words), "");
  EXPECT_EQ(nearest_word(std::string(5000, 'x'), words), "");
}

TEST(ReadConfigFile, ReadsOrSaysWhyNot) {
  const test::TempDir folder;
  const std::string path = folder.path() + "/x.json";
  std::ofstream(path) << "{}";
  std::string text;
  ConfigContext context = context_for(path.c_str());
  EXPECT_TRUE(read_config_file(path, text, context));
  EXPECT_EQ(text, "{}");

  context = context_for("gone.json");
  EXPECT_FALSE(read_config_file(folder.path() + "/gone.json", text, context));
  ASSERT_EQ(context.errors.size(), 1U);
  EXPECT_EQ(to_text(context.errors[0]), "gone.json: cannot be opened: No such file or directory");

  context = context_for("dir");
  EXPECT_FALSE(read_config_file(folder.path(), text, context));
  ASSERT_EQ(context.errors.size(), 1U);
  EXPECT_EQ(to_text(context.errors[0]), "dir: is a folder: give the name of the file in it");
}

}  // namespace
}  // namespace router
