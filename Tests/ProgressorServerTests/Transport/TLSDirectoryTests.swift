import GRPC
import Glibc
import MachineModel
import Testing

@testable import ProgressorServer

@Suite("TLSDirectory")
struct TLSDirectoryTests {
  @Test("A folder is an absolute path that leads nowhere else")
  func folders() {
    #expect(TLSDirectory("/etc/tls/")?.path == "/etc/tls")
    for path in ["", "/", "etc", "/etc/../x", "/etc/./x", "/..", "."] {
      #expect(TLSDirectory(path) == nil, "\(path)")
    }
  }

  @Test("A file is below it by its text alone, byte by byte")
  func files() throws {
    let directory = try #require(TLSDirectory("/tls/é"))
    #expect(directory.contains("/tls/é/a.pem"))
    #expect(directory.contains("/tls/é/deep/a.pem"))
    for path in [
      "/tls/é", "/tls/é/", "/tls/é/../key", "/tls/é/./a", "/tls/éa/b", "tls/é/a", "/etc/passwd",
      "/tls/e\u{301}/a.pem", "/tls/é/a/..", "/tls/é/\0",
    ] { #expect(!directory.contains(path), "\(path)") }
  }

  @Test("A link that leads out of it is not followed, one within it is")
  func links() throws {
    var template = Array("/tmp/tls-XXXXXX".utf8CString)
    let root = String(cString: try #require(mkdtemp(&template)))
    let folder = root + "/inside"
    mkdir(folder, 0o700)
    for path in [root + "/secret", folder + "/a.pem"] {
      close(open(path, O_CREAT | O_WRONLY, 0o600))
    }
    symlink(root + "/secret", folder + "/out.pem")
    symlink("a.pem", folder + "/in.pem")
    symlink("..", folder + "/up")
    defer {
      for path in ["/out.pem", "/in.pem", "/up", "/a.pem"] { unlink(folder + path) }
      unlink(root + "/secret")
      rmdir(folder)
      rmdir(root)
    }
    let directory = try #require(TLSDirectory(folder))
    #expect(try directory.resolve(folder + "/in.pem") == folder + "/a.pem")
    for path in ["/out.pem", "/up/secret", "/missing.pem", "/../secret"] {
      #expect(throws: ConfigurationError.self) { try directory.resolve(folder + path) }
    }
  }

  @Test("A namespace names files below it, none where there is none, and system trust anywhere")
  func namespaces() throws {
    func problem(_ tls: ProcessorTLS?, _ directory: TLSDirectory?) -> String? {
      let namespace = Namespace(name: "a", processor: ProcessorOptions(endpoint: "h:1", tls: tls))
      do { try namespace.checkTLSFiles(below: directory, path: "namespace") } catch {
        return error.message
      }
      return nil
    }
    let directory = TLSDirectory("/tls")
    #expect(problem(nil, nil) == nil)
    #expect(problem(ProcessorTLS(serverName: "a.example"), nil) == nil)
    #expect(problem(ProcessorTLS(caFile: "/tls/ca.pem"), directory) == nil)
    let outside = problem(ProcessorTLS(certificateFile: "/tls/a", keyFile: "/b"), directory)
    #expect(outside?.contains("processor.tls.key_file: must be") == true)
    let none = problem(ProcessorTLS(caFile: "/tls/ca.pem"), nil)
    #expect(none?.contains("processor.tls.ca_file: must be empty") == true)
  }

  @Test("What stands in the database for an endpoint with TLS, a node without TLS cannot use")
  func olderNodes() {
    for endpoint in ["h:1", "unix:/p", "[::1]:1", "dns:///h:1"] {
      #expect(throws: ChannelTargetError.self) { try ChannelTarget("tls|||||\(endpoint)") }
      #expect(throws: ChannelTargetError.self) { try ChannelTarget("tls|/c|/d|/k|n|\(endpoint)") }
    }
  }
}
