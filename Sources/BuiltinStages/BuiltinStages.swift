import AdaptedTransferStage
import BnnCompareStage
import BnnEvaluateStage
import BnnFitStage
import BnnPredictStage
import BnnSplitsStage
import EdgeImportStage
import FetchStage
import LabelledPicturesStage
import LearnedOptimizerStage
import PredictorStage
import ProxyTransferStage
import RegressionSplitStage
import SmartDealBaselineStage
import SmartDealRetrainStage
import SmartDealTrainStage
import SrccMatrixStage
public import StageKit

/// The stages that are linked into the program, one entry each.
public enum BuiltinStages {
  public static var all: [any Stage.Type] {
    [
      AdaptToTarget.self, AlternateRetraining.self, BaselineTraining.self,
      BayesianComparison.self, BayesianEvaluation.self, BayesianFit.self,
      BayesianPrediction.self, BayesianSplits.self, EdgeImport.self, Fetch.self,
      LabelledPictures.self, LearnOptimizer.self, Predictor.self, RegressionSplit.self,
      SrccMatrix.self, StructuredRetraining.self, TransferFromProxy.self,
    ]
  }
}
