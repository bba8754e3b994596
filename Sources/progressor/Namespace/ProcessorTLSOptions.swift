import ArgumentParser
import MachineModel

/// The TLS of a namespace's processor, as flags; paths are the server's.
struct ProcessorTLSOptions: ParsableArguments {
  @Flag(
    help: """
      Connect to the processor by TLS; the options below mean it, too. The server's system says \
      whom to trust unless --processor-tls-ca does.
      """)
  var processorTls = false

  @Option(
    help: ArgumentHelp(
      "A PEM file of the authorities to trust, on the server.", valueName: "path"))
  var processorTlsCa: String?

  @Option(
    help: ArgumentHelp(
      "A PEM file of the certificate that the processor is shown, on the server.",
      valueName: "path"))
  var processorTlsCertificate: String?

  @Option(
    help: ArgumentHelp("A PEM file of its private key, on the server.", valueName: "path"))
  var processorTlsKey: String?

  @Option(
    help: ArgumentHelp(
      "The DNS name in the processor's certificate, if it is not the endpoint's host.",
      valueName: "name"))
  var processorTlsServerName: String?

  /// Sets what is given.
  func apply(to processor: inout ProcessorOptions) {
    let given = [
      processorTlsCa, processorTlsCertificate, processorTlsKey, processorTlsServerName,
    ]
    guard processorTls || given.contains(where: { $0 != nil }) else { return }
    var tls = processor.tls ?? ProcessorTLS()
    if let processorTlsCa { tls.caFile = processorTlsCa }
    if let processorTlsCertificate { tls.certificateFile = processorTlsCertificate }
    if let processorTlsKey { tls.keyFile = processorTlsKey }
    if let processorTlsServerName { tls.serverName = processorTlsServerName }
    processor.tls = tls
  }
}
