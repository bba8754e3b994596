import ArgumentParser
import ProgressorServer

/// Whether the server is asked by TLS, and by what it and this client are known.
struct ClientTLSOptions: ParsableArguments {
  @Flag(
    help: """
      Connect by TLS; the options below mean it, too. The system's authorities are trusted unless \
      others are named. (env: PROGRESSOR_CLIENT_TLS=true)
      """)
  var tls = false

  @Option(
    help: ArgumentHelp(
      "A PEM file of the authorities to trust. (env: PROGRESSOR_CLIENT_TLS_CA)",
      valueName: "path"))
  var tlsCa: String?

  @Option(
    help: ArgumentHelp(
      """
      A PEM file of this client's certificate, leaf first. \
      (env: PROGRESSOR_CLIENT_TLS_CERTIFICATE)
      """,
      valueName: "path"))
  var tlsCertificate: String?

  @Option(
    help: ArgumentHelp(
      "A PEM file of its private key. (env: PROGRESSOR_CLIENT_TLS_KEY)", valueName: "path"))
  var tlsKey: String?

  @Option(
    help: ArgumentHelp(
      """
      The DNS name in the server's certificate, if it is not the host of --server. \
      (env: PROGRESSOR_CLIENT_TLS_SERVER_NAME)
      """,
      valueName: "name"))
  var tlsServerName: String?

  /// nil = plain HTTP/2. Throws `ValidationError` for what does not belong together.
  func security(_ variable: (String) -> String? = Environment.value) throws -> ClientTLS? {
    func given(_ flag: String?, _ name: String) -> String? {
      flag ?? variable("PROGRESSOR_CLIENT_TLS_" + name)
    }
    var security = ClientTLS()
    security.authorities = given(tlsCa, "CA")
    security.certificate = given(tlsCertificate, "CERTIFICATE")
    security.key = given(tlsKey, "KEY")
    security.serverName = given(tlsServerName, "SERVER_NAME")
    if (security.certificate == nil) != (security.key == nil) {
      throw ValidationError("Give --tls-certificate and --tls-key together.")
    }
    switch variable("PROGRESSOR_CLIENT_TLS") {
    case nil, "false": break
    case "true": return security
    case let text?:
      throw ValidationError("PROGRESSOR_CLIENT_TLS must be true or false, not \"\(text)\".")
    }
    return tls || security != ClientTLS() ? security : nil
  }

  mutating func validate() throws { _ = try security() }
}
