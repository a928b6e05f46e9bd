import EdgeImportStage
import PredictorStage
import ProxyTransferStage
import SrccMatrixStage
public import StageKit

/// The stages that are linked into the program, one entry each.
public enum BuiltinStages {
  public static let all: [any Stage.Type] = [
    EdgeImport.self, Predictor.self, SrccMatrix.self, TransferFromProxy.self,
  ]
}
