import GRPC
import PrometheusMetrics

/// What is to be seen of TLS.
struct TransportExposition {
  private let unusable: Int
  private let server: ServerStatistics

  init(_ security: [ListenerSecurity], _ server: ServerStatistics) {
    unusable = security.count(where: \.isUnusable)
    self.server = server
  }

  func write(to exposition: inout Exposition) {
    exposition.family(
      "progressor_tls_listeners_with_unusable_files", .gauge,
      "Listeners whose certificates cannot be used as they are now: those before are in force.")
    exposition.sample(unusable)
    exposition.family(
      "progressor_tls_handshakes", .gauge, "Connections whose TLS handshake is not done.")
    exposition.sample(server.handshakes)
    exposition.family(
      "progressor_tls_handshakes_failed_total", .counter,
      "TLS handshakes that failed: no trusted certificate, no HTTP/2, no TLS at all.")
    exposition.sample(UInt64(clamping: server.handshakesFailed))
    exposition.family(
      "progressor_tls_handshakes_dropped_total", .counter,
      "TLS handshakes that made room for others, since too many were not done.")
    exposition.sample(UInt64(clamping: server.handshakesDropped))
  }
}
