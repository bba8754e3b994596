import GRPC

/// `http://HOST:PORT` or `https://HOST:PORT`, of a collector.
struct CollectorURL {
  let host: String
  let port: Int
  let isSecure: Bool

  init(_ given: GivenText, defaultPort: Int) throws(ConfigurationError) {
    // Not the text: who writes a password into it is told so without it.
    let problem = given.problem("must be http://HOST:PORT or https://HOST:PORT")
    let text = given.text
    let schemes = [("https://", true), ("http://", false)]
    guard let (scheme, isSecure) = schemes.first(where: { text.lowercased().hasPrefix($0.0) })
    else { throw problem }
    self.isSecure = isSecure
    var rest = text.utf8.dropFirst(scheme.utf8.count)
    if rest.last == UInt8(ascii: "/") { rest = rest.dropLast() }
    let forbidden = Array("/?#@ ".utf8)
    guard !rest.isEmpty, !rest.contains(where: { forbidden.contains($0) || $0 < 0x20 }) else {
      throw problem
    }
    var authority = String(decoding: rest, as: UTF8.self)
    let hasPort =
      authority.last { $0 == ":" || $0 == "]" } == ":"
    if !hasPort { authority += ":\(defaultPort)" }
    guard let target = try? ChannelTarget("dns:///" + authority),
      case .host(let host, let port) = target.address
    else { throw problem }
    (self.host, self.port) = (host, port)
  }
}
