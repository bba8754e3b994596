// swift-tools-version: 6.2
import PackageDescription

// A package of its own, as a user's would be: it needs only the libraries of Progressor.
let package = Package(
  name: "order-processor",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "progressor", path: "../.."),
    .package(url: "https://github.com/apple/swift-nio", .upToNextMinor(from: "2.101.2")),
  ],
  targets: [
    .executableTarget(
      name: "OrderProcessor",
      dependencies: [
        .product(name: "GRPC", package: "progressor"),
        .product(name: "ProgressorProto", package: "progressor"),
        .product(name: "MachineModel", package: "progressor"),
        .product(name: "NIOCore", package: "swift-nio"),
      ])
  ]
)
