import GRPC
import MachineModel
import NIOCore
import NIOPosix

/// The TLS of the channels to a processor, by what its namespace says.
struct ProcessorSecurity: ClientSecurity {
  private let tls: ClientTLS
  private let directory: TLSDirectory?

  /// - Parameter directory: the folder outside of which no file is read; nil = none is.
  init(_ options: ProcessorTLS, directory: TLSDirectory?) {
    var tls = ClientTLS()
    func given(_ text: String) -> String? { text.isEmpty ? nil : text }
    tls.authorities = given(options.caFile)
    tls.certificate = given(options.certificateFile)
    tls.key = given(options.keyFile)
    tls.serverName = given(options.serverName)
    self.tls = tls
    self.directory = directory
  }

  func prepare(
    for target: ChannelTarget, on eventLoop: any EventLoop
  ) -> EventLoopFuture<ClientHandshake> {
    NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
      try tls.handshake(for: target) { path in
        guard let directory else {
          throw ConfigurationError(
            place: path, problem: "is not read: there is no processor_tls_directory")
        }
        return try directory.resolve(path)
      }
    }
  }
}
