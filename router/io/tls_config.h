// The object "tls" of a configuration file. Its keys have the names that upstream's MQTT drivers have for them:
// "cafile", "capath", "certfile", "keyfile", "pwkeyfile", "cert-reqs", "no-hostname-checking", "version", "ciphers".
//
// Thread rule: start-up. Errors and warnings go to the reader's context, with their lines.
#pragma once

#include <string>

#include "router/base/config_node.h"
#include "router/io/tls_context.h"

namespace router {

/// Reads the members of an object "tls"; the files are not looked at. `folder`: what relative names of files are
/// relative to.
TlsSettings read_tls(ObjectReader& reader, TlsSide side, const std::string& folder);

/// Reads the files, and tells the reader what is wrong or doubtful with these settings.
void check_tls(ObjectReader& reader, const TlsSettings& settings);

}  // namespace router
