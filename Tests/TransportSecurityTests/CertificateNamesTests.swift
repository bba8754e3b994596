import NIOSSL
import Testing

@testable import TransportSecurity

@Suite("CertificateNames")
struct CertificateNamesTests {
  private static func names(_ pem: PEM) throws -> CertificateNames {
    CertificateNames(try pem.certificates()[0])
  }

  @Test("A client is known by a URI, else by a DNS name, else by its common name; by the first")
  func principal() throws {
    #expect(try Self.names(Certificates.uri).principal == "spiffe://a/first")
    #expect(try Self.names(Certificates.dns).principal == "first.example")
    #expect(try Self.names(Certificates.common).principal == "müller")
    #expect(try Self.names(Certificates.none).principal == nil)
  }

  @Test("A name is the same but for case and a dot at the end; * stands for a first label")
  func dnsNames() throws {
    let server = try Self.names(Certificates.server)
    for name in ["localhost", "LocalHost", "localhost.", "a.example.org", "A.EXAMPLE.org"] {
      #expect(server.has(dnsName: name), "\(name)")
    }
    for name in [
      "", ".", "local", "localhost.x", "example.org", "a.b.example.org", ".example.org", "other",
      "127.0.0.1", "*.example.com",
    ] { #expect(!server.has(dnsName: name), "\(name)") }
  }

  @Test("Neither an address nor a common name is a DNS name")
  func noSubstitutes() throws {
    let address = try Self.names(Certificates.address)
    #expect(!address.has(dnsName: "localhost"))
    #expect(!address.has(dnsName: "127.0.0.1"))
  }

  @Test("What is no certificate has no common name, wherever it is cut off")
  func damaged() throws {
    let bytes = try Certificates.common.certificates()[0].toDERBytes()
    for count in 0..<bytes.count {
      #expect(SubjectName.commonName(ofCertificate: Array(bytes[..<count])) == nil)
    }
    #expect(SubjectName.commonName(ofCertificate: bytes) == "müller")
  }
}
