import AdaptedTransferStage
import AuditStage
import BnnAuditStage
import BnnCompareStage
import BnnCostStage
import BnnDetectStage
import BnnEvaluateStage
import BnnFitStage
import BnnPicturesStage
import BnnPredictStage
import BnnProblemStage
import BnnPublishedStage
import BnnSplitsStage
import BranchingImportStage
import BranchingRunsStage
import BranchingSamplesStage
import BranchingTablesStage
import BranchingTrainStage
import EdgeImportStage
import FetchStage
import LabelledPicturesStage
import LearnedOptimizerStage
import ModelledOptimizerStage
import PredictorStage
import ProxyTransferStage
import RegressionSplitStage
import SmartDealBaselineStage
import SmartDealCalibrationStage
import SmartDealRetrainStage
import SmartDealTrainStage
import SmartDealDecomposeStage
import SmartDealEnergyStage
import SmartDealEvaluateStage
import SmartDealReportStage
import SmartDealSearchStage
import SmartDealSimulateStage
import SrccMatrixStage
import VerifiedAccuracyStage
import VerifySetStage
import VerifyStage
public import StageKit

/// The stages that are linked into the program, one entry each.
public enum BuiltinStages {
  public static var all: [any Stage.Type] {
    [
      AdaptToTarget.self, AlternateRetraining.self, AuditCertificate.self,
      BaselineTraining.self, BayesianComparison.self, BayesianEvaluation.self,
      BayesianFit.self, BayesianPrediction.self, BayesianSplits.self, BranchingImport.self,
      BranchingRuns.self, BranchingSamples.self, BranchingTables.self, BranchingTrain.self,
      CalibrationComparison.self, EdgeImport.self, Fetch.self, ForeignDetection.self,
      InferenceCost.self, LabelledPictures.self, LearnOptimizer.self, OptimizeModelled.self,
      PictureEvaluation.self, Predictor.self, ProblemDraw.self, PublishedComparison.self,
      RegressionSplit.self, SmartDealDecompose.self, SmartDealEnergy.self,
      SmartDealEvaluate.self, SmartDealReport.self, SmartDealSearch.self,
      SmartDealSimulate.self, SrccMatrix.self, StructuredRetraining.self,
      TemperatureReport.self, TransferFromProxy.self, VerifiedAccuracy.self, Verify.self,
      VerifySet.self,
    ]
  }
}
