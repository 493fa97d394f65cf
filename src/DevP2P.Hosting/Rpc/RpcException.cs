namespace DevP2P.Hosting.Rpc;

/// <summary>The codes of errors: those of JSON-RPC 2.0, and those of the Ethereum family beyond.</summary>
internal static class RpcErrorCode
{
    public const int Parse = -32700;
    public const int InvalidRequest = -32600;
    public const int MethodNotFound = -32601;
    public const int InvalidParams = -32602;
    public const int Internal = -32603;
    public const int Server = -32000;
    public const int ResponseTooLarge = -32003;
    public const int LimitExceeded = -32005;
}

/// <summary>A call that is answered with an error. The texts that clients look at are geth's.</summary>
internal sealed class RpcException(int code, string message) : Exception(message)
{
    /// <summary>One of <see cref="RpcErrorCode"/>.</summary>
    public int Code => code;

    public static RpcException InvalidParams(string message) => new(RpcErrorCode.InvalidParams, message);

    public static RpcException Failed(string message) => new(RpcErrorCode.Server, message);

    public static RpcException Limit(string message) => new(RpcErrorCode.LimitExceeded, message);
}
