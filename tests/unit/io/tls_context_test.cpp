// What is said of files that cannot be used, before anybody connects.
#include <ctime>

#include "router/io/tls_config.h"
#include "tests/unit/io/tls_rig.h"

namespace {

using namespace tls_test;

std::string problem_of(const TlsSettings& settings, const std::string TlsSettings::* about) {
  const auto issues = TlsContext::check(settings, std::time(nullptr));
  EXPECT_FALSE(TlsContext::make(settings).has_value());
  if (issues.size() != 1) return "there are " + std::to_string(issues.size()) + " issues";
  EXPECT_TRUE(issues[0].setting == about);
  EXPECT_FALSE(issues[0].is_warning);
  return issues[0].text;
}

TEST(TlsContext, NamesWhatCannotBeUsed) {
  TlsSettings settings = files().server();
  settings.certificate_file.clear();
  settings.key_file.clear();
  EXPECT_EQ(problem_of(settings, &TlsSettings::certificate_file), "is missing: write the file of the certificate");
  settings = files().server();
  settings.certificate_file = files().path("none.pem");
  EXPECT_EQ(problem_of(settings, &TlsSettings::certificate_file),
            "cannot read " + files().path("none.pem") + ": No such file or directory");
  settings = files().server();
  settings.key_file = files().path("client.key");
  EXPECT_EQ(problem_of(settings, &TlsSettings::key_file),
            "the key in " + files().path("client.key") + " does not belong to the certificate");
  settings = files().server();
  settings.key_file = files().path("server.pem");
  EXPECT_NE(problem_of(settings, &TlsSettings::key_file).find("holds no key that can be used"), std::string::npos);
  settings = files().server();
  settings.certificate_file = files().path("server.key");
  EXPECT_NE(problem_of(settings, &TlsSettings::certificate_file).find("holds no certificate that can be used"),
            std::string::npos);
  settings = files().server();
  settings.check_certificate = true;
  EXPECT_NE(problem_of(settings, &TlsSettings::ca_file).find("is missing"), std::string::npos);
  settings = files().client();
  settings.ca_path = files().path("nowhere");
  EXPECT_EQ(problem_of(settings, &TlsSettings::ca_path), "there is no folder " + files().path("nowhere"));
  settings = files().client();
  settings.ciphers = "no such cipher";
  EXPECT_EQ(problem_of(settings, &TlsSettings::ciphers), "names no cipher that OpenSSL knows");
}

TEST(TlsContext, KeyWithAPassword) {
  const test::Certificate authority = test::make_authority("x");
  const test::Certificate own = test::make_certificate(authority);
  const test::TempDir folder;
  TlsSettings settings = files().server();
  settings.certificate_file = test::write_file(folder.path() + "/own.pem", own.pem);
  settings.key_file = test::write_file(folder.path() + "/own.key", test::locked_key(own, "sesame"));
  EXPECT_NE(problem_of(settings, &TlsSettings::key_file).find("is its password right?"), std::string::npos);
  settings.key_password = "sesame";
  EXPECT_TRUE(TlsContext::check(settings, std::time(nullptr)).empty());
  EXPECT_TRUE(TlsContext::make(settings).has_value());
  // Certificate and key in one file.
  settings.certificate_file = test::write_file(folder.path() + "/both.pem", own.pem + own.key_pem);
  settings.key_file.clear();
  EXPECT_TRUE(TlsContext::make(settings).has_value());
}

TEST(TlsContext, WarnsOfDates) {
  const auto warning = [](const TlsSettings& settings, std::int64_t now_s) -> std::string {
    const auto issues = TlsContext::check(settings, now_s);
    if (issues.size() != 1 || !issues[0].is_warning) return "there are " + std::to_string(issues.size());
    return issues[0].text;
  };
  const std::int64_t now_s = std::time(nullptr);
  EXPECT_TRUE(warning(files().server("old"), now_s).starts_with("has expired on 20"));
  EXPECT_TRUE(warning(files().server("young"), now_s).find("on only: is the clock right?") != std::string::npos);
  EXPECT_TRUE(warning(files().server(), now_s + 20LL * 86'400).starts_with("expires on 20"));
  EXPECT_EQ(warning(files().server(), now_s), "there are 0");
}

TEST(TlsContext, EqualSettingsShareOne) {
  router::TlsContextCache cache;
  const auto first = cache.get(files().client());
  EXPECT_EQ(*cache.get(files().client()), *first);
  EXPECT_NE(*cache.get(files().server()), *first);
}

TEST(TlsConfig, ReadsKeysAndNamesTheirLines) {
  router::ConfigContext context;
  context.file = "a.json";
  const auto root = router::parse_config_text(
      "{\"certfile\": \"server.pem\", \"keyfile\": \"server.key\",\n \"cafile\": \"none.pem\", \"cert-reqs\": 0,\n"
      " \"no-hostname-checking\": 1, \"version\": \"tlsv1.3\", \"pwkeyfile\": \"p\", \"ciphers\": \"HIGH\"}",
      context);
  ASSERT_TRUE(root.has_value());
  router::ObjectReader reader(&*root, "tls", context);
  const std::string folder = files().path("");
  const TlsSettings got = router::read_tls(reader, TlsSide::kClient, folder);
  reader.finish();
  EXPECT_EQ(got.certificate_file, files().path("server.pem"));
  EXPECT_EQ(got.key_password, "p");
  EXPECT_FALSE(got.check_host_name);
  EXPECT_FALSE(got.check_certificate);
  EXPECT_TRUE(got.only_tls13);
  EXPECT_TRUE(context.errors.empty());
  TlsSettings checked = got;
  checked.check_certificate = true;
  router::check_tls(reader, checked);
  ASSERT_EQ(context.errors.size(), 1U);
  EXPECT_EQ(router::to_text(context.errors[0]),
            "a.json:2:12: tls.cafile: cannot read " + files().path("none.pem") + ": No such file or directory");
  router::check_tls(reader, got);
  ASSERT_EQ(context.warnings.size(), 1U);
  EXPECT_NE(context.warnings[0].text.find("anybody in between"), std::string::npos);
}

}  // namespace
